"""Which networks are built as a statistics unit instead of by FINN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radioml.network.integer_nodes import attributes

if TYPE_CHECKING:
    import onnx


def is_statistics_network(model: onnx.ModelProto) -> bool:
    """Whether it squares or multiplies signals, and its weighted layers see single pixels."""
    signals = {value.name for value in model.graph.input}
    signals -= {tensor.name for tensor in model.graph.initializer}
    multiplied = False
    for node in model.graph.node:
        read = [name for name in node.input if name in signals]
        if not read:
            continue
        signals.update(node.output)
        multiplied |= node.op_type == "Mul" and len(read) == 2
        if node.op_type == "Conv" and any(size > 1 for size in attributes(node).get("kernel_shape", [2])):
            return False
    return multiplied
