"""An order of a graph's nodes that all steps of a build keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radioml.network.repeats import depth_first

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


def nodes_in_order(model: ModelWrapper) -> list[NodeProto]:
    """All nodes that an output needs. Each comes after the nodes that it reads, and a join's first branch comes first.

    All transformations keep the order of a join's inputs, so layers of two graphs of one network can be matched.
    """
    return depth_first(model.graph.node, [value.name for value in model.graph.output])
