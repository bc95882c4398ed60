"""Finds quantised weights that only their values show to be quantised.

FINN's own files hold integers, with the scale behind the layer; some exporters compute the quantiser of weights, and
leave values that lie on few levels of one step, for the layer or for each of its outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from radioml.foreign.graph import Graph, by_channel, label

if TYPE_CHECKING:
    import onnx

_MOVES = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")
_MOST_LEVELS = 127
"""Most levels of weights on either side of 0; a finer grid would fit any numbers."""
_TOLERANCE = 1e-3
"""Steps by which a weight may miss its level; the rounding of single precision is smaller."""
_EVIDENCE = 4
"""Sizes of weights beside the largest that show a step: one of 127 steps fits that many by accident with a probability
of 127 x 0.002^4 = 2e-9, because a step fits 0.2 % of numbers."""


def quantise_weights(graph: Graph) -> Iterator[str]:
    """Put quantisers on weights that only their values show to be quantised; gives a line for each such layer."""
    for node in graph.of("Conv", "Gemm", "MatMul"):
        tensor, moved = node.input[1], False
        while (maker := graph.maker(tensor)) is not None and maker.op_type in _MOVES:
            tensor, moved = maker.input[0], True
        weights = graph.constants.get(tensor)
        if weights is None or weights.dtype.kind != "f" or not weights.any():
            continue
        first = node.op_type == "Conv" or any(a.name == "transB" and a.i for a in node.attribute)
        inner = tuple(range(1, weights.ndim)) if first else tuple(range(weights.ndim - 1))
        scale = _steps(weights, tuple(range(weights.ndim)))
        if scale is None and not moved:
            scale = _steps(weights, inner)
        if scale is None:
            continue
        integers = np.rint(weights / scale)
        if (scale == 1).all() and not moved:
            scale = _scale_behind(graph, node, weights.ndim, first)
        bits = max(int(np.abs(integers).max()).bit_length() + 1, 2)
        quantised = _quantiser(graph, tensor, integers, scale, bits)
        graph.replace(tensor, quantised)
        yield f"{label(node)}: its weights are taken as quantised to {bits} bits, by their values"
    graph.prune()


def _quantiser(graph: Graph, tensor: str, integers: np.ndarray, scale: np.ndarray, bits: int) -> str:
    """Put a quantiser between a constant and its readers; returns the name of the quantised tensor."""
    single = scale.astype(np.float32)
    numbers = {"values": integers * single, "scale": single, "zero_point": 0, "bits": bits}
    inputs = [graph.constant(np.asarray(value, np.float32), f"{tensor}_{name}") for name, value in numbers.items()]
    output = graph.new_name(f"{tensor}_quantised")
    graph.make("Quant", inputs, output, graph.readers(tensor)[0], signed=1, narrow=1, rounding_mode="ROUND")
    return output


def _steps(weights: np.ndarray, inner: tuple[int, ...]) -> np.ndarray | None:
    """The largest step of which all weights are multiples, one for each index of the axes that are not `inner`.

    For integers the step is 1. None where there is no such step, or where it may be an accident.
    """
    if len(inner) == weights.ndim and (weights == np.rint(weights)).all() and np.abs(weights).max() <= _MOST_LEVELS:
        return np.ones(())
    sizes = np.abs(weights.astype(np.float64))
    largest = sizes.max(inner, keepdims=True)
    largest[largest == 0] = 1
    scale = np.zeros_like(largest)
    for levels in range(1, _MOST_LEVELS + 1):
        quotients = sizes * levels / largest
        fits = (np.abs(quotients - np.rint(quotients)) < _TOLERANCE).all(inner, keepdims=True)
        scale = np.where((scale == 0) & fits, largest / levels, scale)
    parts = np.round(sizes / largest, 5)
    outer = [axis for axis in range(weights.ndim) if axis not in inner]
    rows = np.moveaxis(parts, outer, range(len(outer))).reshape(scale.size, -1)
    different = [np.unique(row[row > 0]).size for row in rows]
    evident = sum(count - 1 for count in different if count) >= _EVIDENCE or np.count_nonzero(parts) >= 2 * sum(
        different
    )
    if not (scale > 0).all() or not evident:
        return None
    return scale.reshape(()) if scale.size == 1 else scale


def _scale_behind(graph: Graph, node: onnx.NodeProto, rank: int, first: bool) -> np.ndarray:
    """Remove and return the factor behind a layer of integer weights and bias; 1 where there is none."""
    after, none = graph.read_once(node.output[0]), np.ones(())
    if after is None or after.op_type != "Mul" or after.input[1] not in graph.constants:
        return none
    factor = by_channel(graph.constants[after.input[1]].astype(np.float64), graph.shapes().get(node.output[0], ()))
    if factor is None or (factor <= 0).any():
        return none
    alike = bool((factor == factor[0]).all())
    if len(node.input) > 2:
        bias = graph.constants.get(node.input[2])
        if not alike or bias is None or (bias != np.rint(bias)).any():
            return none
        node.input[2] = _quantiser(graph, node.input[2], bias.astype(np.float64), factor[0], 32)
    node.output[0] = after.output[0]
    graph.remove(after)
    if alike:
        return factor[0]
    shape = [1] * rank
    shape[0 if first else -1] = len(factor)
    return factor.reshape(shape)
