"""Networks with removable channels, and the tensors that belong to a channel."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import brevitas.nn as qnn
from torch import nn


@dataclass(frozen=True)
class ChannelGroup:
    """The output channels of a layer with the layers that belong to them, by the names of the modules.

    producer: the layer. norm: the batch norm behind the layer. consumer: the only layer that reads the channels.
    positions: weights of the consumer for each channel; more than one behind a flattening.
    """

    producer: str
    norm: str
    consumer: str
    positions: int


class Shrinkable(nn.Module):
    """A topology with groups of channels, whose sizes are parameters."""

    @abstractmethod
    def channel_groups(self) -> list[ChannelGroup]:
        """The groups, in the order of the network."""

    @staticmethod
    @abstractmethod
    def with_channels(parameters: dict[str, Any], counts: list[int]) -> dict[str, Any]:
        """Parameters of the topology with these numbers of channels in the groups."""


def chain(network: nn.Module) -> list[ChannelGroup]:
    """The groups of a network of layers in sequence, of which all but the last have a batch norm."""
    layers = [(n, m) for n, m in network.named_modules() if isinstance(m, (qnn.QuantConv1d, qnn.QuantLinear))]
    norms = [n for n, m in network.named_modules() if isinstance(m, nn.BatchNorm1d)]
    return [
        ChannelGroup(name, norm, reader, following.weight.shape[1] // layer.weight.shape[0])
        for ((name, layer), (reader, following)), norm in zip(pairwise(layers), norms, strict=True)
    ]
