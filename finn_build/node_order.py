"""An order of a graph's nodes that all steps of a build keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


def nodes_in_order(model: ModelWrapper) -> list[NodeProto]:
    """All nodes, each behind those that it reads, and where branches join those of the first branch first.

    No transformation changes the order of a join's inputs, so layers of two graphs of one network can be matched.
    """
    producers = {name: node for node in model.graph.node for name in node.output}
    order: dict[str, NodeProto] = {}  # by first output
    waiting = [node for output in reversed(model.graph.output) if (node := producers.get(output.name))]
    while waiting:
        node = waiting[-1]
        before = [producers[name] for name in node.input if name in producers]
        missing = [other for other in before if other.output[0] not in order]
        if missing and node.output[0] not in order:
            waiting += reversed(missing)
        else:
            order.setdefault(node.output[0], node)
            waiting.pop()
    return list(order.values())
