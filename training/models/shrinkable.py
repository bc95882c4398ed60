"""Networks whose channels can be taken out: which tensors go with a channel."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import brevitas.nn as qnn
from torch import nn


@dataclass(frozen=True)
class ChannelGroup:
    """Outputs of a layer and all that belongs to them.

    producer: the layer; norm: the batch norm behind it; consumer: the only layer that reads them; each as the name of
    the module. positions: values of a channel that the consumer has a weight for: more than one behind a flattening.
    """

    producer: str
    norm: str
    consumer: str
    positions: int


class Shrinkable(nn.Module):
    """A topology with groups of channels, each of any size."""

    @abstractmethod
    def channel_groups(self) -> list[ChannelGroup]:
        """The groups, in the order of the network."""

    @staticmethod
    @abstractmethod
    def with_channels(parameters: dict[str, Any], counts: list[int]) -> dict[str, Any]:
        """Parameters of the topology for so many channels in each group."""


def chain(network: nn.Module) -> list[ChannelGroup]:
    """The groups of a network whose layers follow each other, each but the last with a batch norm."""
    layers = [(n, m) for n, m in network.named_modules() if isinstance(m, (qnn.QuantConv1d, qnn.QuantLinear))]
    norms = [n for n, m in network.named_modules() if isinstance(m, nn.BatchNorm1d)]
    return [
        ChannelGroup(name, norm, reader, following.weight.shape[1] // layer.weight.shape[0])
        for ((name, layer), (reader, following)), norm in zip(pairwise(layers), norms, strict=True)
    ]
