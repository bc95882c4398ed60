"""A node in its network, for rules about nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


@dataclass(frozen=True)
class Place:
    """A node in its network; sources: those of its inputs that depend on the network's input."""

    model: ModelWrapper
    node: NodeProto
    sources: tuple[str, ...]

    @property
    def joins(self) -> bool:
        """Whether the node joins branches of the network."""
        return len(self.sources) > 1


Rule = Callable[[Place], str]
"""Says what is wrong with a node of an operation and what to change; "" where nothing is wrong."""
