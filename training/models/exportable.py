"""Networks that are exported as another module than the one that is trained."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import nn


@runtime_checkable
class Exportable(Protocol):
    """A network whose evaluation mode computes with integers times powers of two, in any precision.

    logit_scale: value of one step of the integer logits.
    """

    logit_scale: float

    def exported(self) -> nn.Module:
        """A module of operations that QONNX knows, which gives the same logits; in evaluation mode."""


def as_exported(network: nn.Module) -> nn.Module:
    """The module that becomes the QONNX graph of a network: in most cases the network itself."""
    return network.exported() if isinstance(network, Exportable) else network
