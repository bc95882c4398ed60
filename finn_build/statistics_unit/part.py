"""The part of a network that is statistics: products of signals between the input and a linear layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from finn_build.statistics_unit.read import read_unit
from finn_build.statistics_unit.unit import Unit

if TYPE_CHECKING:
    import onnx

_WEIGHTED = ("Conv", "MatMul", "Gemm")
_LINEAR = ("MatMul", "Gemm")


@dataclass(frozen=True)
class StatisticsPart:
    """A part that multiplies signals, has no layer with weights, and ends at a quantiser.

    model: the part as a network, from the input's quantiser on. output: the tensor that the last quantiser gives.
    scale: of its integers. nodes: outputs of the part's nodes, the input's quantiser left out.
    """

    model: onnx.ModelProto
    output: str
    scale: float
    nodes: frozenset[str]

    def unit(self) -> Unit:
        """The unit that takes a sample a beat; raises RadioMLError with a line for each node that has no RTL."""
        return read_unit(self.model, self.scale, 1)


def statistics_part(network: onnx.ModelProto) -> StatisticsPart | None:
    """The part of a QONNX network whose integers a linear layer reads; None where it has none."""
    from onnx import numpy_helper

    producers = {name: node for node in network.graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in network.graph.initializer}
    source = next(value.name for value in network.graph.input if value.name not in constants)
    for reader in network.graph.node:
        quant = producers.get(reader.input[0]) if reader.op_type in _LINEAR else None
        if quant is None or quant.op_type != "Quant":
            continue
        nodes = _before(quant, producers)
        signals = _signals(nodes, source)
        inside = [node for node in nodes if node.output[0] in signals]
        multiplies = any(node.op_type == "Mul" and signals.issuperset(node.input) for node in inside)
        if multiplies and not any(node.op_type in _WEIGHTED for node in inside):
            scale = float(numpy_helper.to_array(constants[quant.input[1]]).item())
            names = frozenset(node.output[0] for node in inside if source not in node.input)
            return StatisticsPart(_model(network, nodes, quant.output[0]), quant.output[0], scale, names)
    return None


def _before(last: onnx.NodeProto, producers: dict[str, onnx.NodeProto]) -> list[onnx.NodeProto]:
    """A node and all that it depends on."""
    found: dict[str, onnx.NodeProto] = {}
    waiting = [last]
    while waiting:
        node = waiting.pop()
        if node.output[0] not in found:
            found[node.output[0]] = node
            waiting += [producers[name] for name in node.input if name in producers]
    return list(found.values())


def _signals(nodes: list[onnx.NodeProto], source: str) -> set[str]:
    """The outputs of nodes that depend on the network's input."""
    signals: set[str] = {source}
    waiting = list(nodes)
    while ready := [node for node in waiting if signals.intersection(node.input)]:
        signals.update(name for node in ready for name in node.output)
        waiting = [node for node in waiting if node.output[0] not in signals]
    return signals


def _model(network: onnx.ModelProto, nodes: list[onnx.NodeProto], output: str) -> onnx.ModelProto:
    """These nodes as a network, in their order, with the constants that they read."""
    from onnx import ModelProto, TensorProto, helper

    part = ModelProto()
    part.CopyFrom(network)
    graph, kept = part.graph, {node.output[0] for node in nodes}
    read = {name for node in nodes for name in node.input}
    for field, wanted in (
        (graph.node, [node for node in graph.node if node.output[0] in kept]),
        (graph.initializer, [tensor for tensor in graph.initializer if tensor.name in read]),
        (graph.value_info, []),
        (graph.quantization_annotation, []),
        (graph.output, [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]),
    ):
        copies = [type(item).FromString(item.SerializeToString()) for item in wanted]
        del field[:]
        field.extend(copies)
    return part
