"""A node of the graph with its inputs as elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finn_build.statistics_unit.elements import CONSTANT, Elements
from radioml.errors import RadioMLError
from radioml.network.integer_nodes import attributes

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Node:
    """A node of the graph: its attributes, and its inputs as elements, None where one is left out."""

    kind: str
    given: Mapping[str, Any]
    inputs: tuple[Elements | None, ...]

    def __getitem__(self, index: int) -> Elements:
        found = self.inputs[index]
        assert found is not None
        return found

    def constant(self, index: int) -> np.ndarray | None:
        """An input as numbers; None where it is left out. Raises RadioMLError where it depends on the frame."""
        if index >= len(self.inputs) or (found := self.inputs[index]) is None:
            return None
        if (found.wire != CONSTANT).any():
            raise RadioMLError("one of its parameters depends on the frame; it has to be a constant")
        return found.offset

    def scalar(self, index: int) -> float | None:
        """A constant input that is one number."""
        found = self.constant(index)
        if found is None:
            return None
        if found.size != 1:
            raise RadioMLError("it has a parameter for each channel; one for the tensor is what it may have")
        return float(found.item())


def node_of(proto: onnx.NodeProto, inputs: tuple[Elements | None, ...]) -> Node:
    """A node with its inputs."""
    return Node(proto.op_type, attributes(proto), inputs)
