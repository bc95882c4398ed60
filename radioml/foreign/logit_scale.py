"""The value of one step of the logits: they are integers times one scale if every node behind a quantiser keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from radioml.errors import RadioMLError
from radioml.foreign.graph import Graph, attributes, label

if TYPE_CHECKING:
    import onnx

_KEEPS = ("MaxPool", "GlobalMaxPool", "Relu", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Neg", "Slice")
_JOINS = ("Add", "Sub", "Concat", "Max", "Min")
_TOLERANCE = 1e-3
"""Steps by which a constant may miss an integer; the rounding of single precision is smaller."""


def logit_scale(graph: Graph) -> float:
    """The value of one step of the logits, derived node by node from the quantisers in front.

    Raises RadioMLError that names the node at which numbers stop being integers times one scale.
    """
    return _scale(graph, graph.output)


def round_bias(graph: Graph) -> float | None:
    """Move the bias of the last layer to the nearest steps of its logits.

    Returns the largest change in steps, None where the last layer's logits are on such steps already or have no bias.
    """
    node = graph.maker(graph.output)
    bias = graph.constants.get(node.input[2]) if node is not None and len(node.input) > 2 else None
    if node is None or node.op_type not in ("Conv", "Gemm") or bias is None:
        return None
    step = _layer_scale(graph, node)
    steps = bias.astype(np.float64) / step
    change = float(np.abs(steps - np.rint(steps)).max())
    if change <= _TOLERANCE:
        return None
    node.input[2] = graph.constant((np.rint(steps) * step).astype(np.float32), f"{node.input[2]}_rounded")
    return change


def _scale(graph: Graph, tensor: str) -> float:
    node = graph.maker(tensor)
    if node is None:
        raise RadioMLError(f"{tensor!r} is not quantised")
    if node.op_type == "Quant":
        return _single(graph.constants[node.input[1]], label(node))
    if node.op_type in ("Conv", "Gemm", "MatMul"):
        step = _layer_scale(graph, node)
        if len(node.input) > 2:
            _check_multiple(graph, node.input[2], step, node)
        return step
    if node.op_type in _KEEPS:
        return _scale(graph, node.input[0])
    if node.op_type in ("Mul", "Div", *_JOINS):
        return _joined(graph, node)
    if node.op_type in ("AveragePool", "GlobalAveragePool", "ReduceMean"):
        shapes = graph.shapes()
        before, after = shapes[node.input[0]], shapes[node.output[0]]
        kernel = attributes(node).get("kernel_shape")
        return _scale(graph, node.input[0]) / float(np.prod(kernel) if kernel else np.prod(before) / np.prod(after))
    raise RadioMLError(f"{label(node)} gives numbers that are not integers times one scale")


def _layer_scale(graph: Graph, node: onnx.NodeProto) -> float:
    """The scale of a layer's sums without its bias."""
    quantiser, moves = graph.maker(node.input[1]), ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
    while quantiser is not None and quantiser.op_type in moves:
        quantiser = graph.maker(quantiser.input[0])
    if quantiser is None or quantiser.op_type != "Quant":
        raise RadioMLError(f"{label(node)}: its weights are not quantised")
    weights = _single(graph.constants[quantiser.input[1]], f"the weights of {label(node)}")
    return _scale(graph, node.input[0]) * weights


def _single(scale: np.ndarray, what: str) -> float:
    if scale.size != 1:
        raise RadioMLError(
            f"{what}: a scale for each channel, so integers of different logits cannot be compared; use one for all"
        )
    return float(scale.item())


def _joined(graph: Graph, node: onnx.NodeProto) -> float:
    constants = [name for name in node.input if name in graph.constants]
    others = [_scale(graph, name) for name in node.input if name not in graph.constants]
    if node.op_type in ("Mul", "Div"):
        if len(constants) != 1 or len(others) != 1 or (node.op_type == "Div" and constants[0] == node.input[0]):
            raise RadioMLError(f"{label(node)} gives numbers that are not integers times one scale")
        factor = abs(_single(graph.constants[constants[0]], f"the factor of {label(node)}"))
        return others[0] * factor if node.op_type == "Mul" else others[0] / factor
    if len(set(others)) != 1:
        scales = ", ".join(f"{scale:g}" for scale in others)
        raise RadioMLError(f"{label(node)} joins integers with steps of {scales}; they need one scale")
    for name in constants:
        _check_multiple(graph, name, others[0], node)
    return others[0]


def _check_multiple(graph: Graph, name: str, step: float, node: onnx.NodeProto) -> None:
    values = graph.constants.get(name)
    if values is None:  # quantised itself, or computed
        quantiser = graph.maker(name)
        values = graph.constants.get(quantiser.input[0]) if quantiser is not None else None
        if quantiser is None or quantiser.op_type != "Quant" or values is None:
            raise RadioMLError(f"{label(node)}: its bias is no constant")
        scale = graph.constants[quantiser.input[1]]
        values = np.rint(values / scale) * scale
    steps = values.astype(np.float64) / step
    if (np.abs(steps - np.rint(steps)) > _TOLERANCE).any():
        raise RadioMLError(
            f"{label(node)}: its bias is not a multiple of {step:g}, the scale of the sums that it is added to, so the "
            "logits are no integers; --round-bias moves it by half a step at most"
        )
