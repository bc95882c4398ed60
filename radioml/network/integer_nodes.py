"""Nodes of a QONNX graph on integers: the levels of quantisers, the sums of layers and their bounds, pools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from radioml.network.exact_qonnx import exact_function, integer_weights
from radioml.network.grids import Grid, exact_type, is_power_of_two
from radioml.network.integer_layers import Convolution, average_pool, max_pool

if TYPE_CHECKING:
    import onnx

WEIGHTED = ("Conv", "Gemm", "MatMul")
_MOST_BITS = 24
"""Most bits of a quantiser whose levels single precision holds."""
_MOVES = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")


@dataclass(frozen=True)
class Sums:
    """A layer's output as integer sums: output = sums x scale + bias, channel by channel.

    compute: a tensor of integers -> sums, of type `dtype`, which holds them exactly.
    low, high: int64 (outputs,), bounds of the sums. scale, bias: float64 (outputs,).
    """

    compute: Callable[[np.ndarray], np.ndarray]
    dtype: type[np.floating]
    low: np.ndarray
    high: np.ndarray
    scale: np.ndarray
    bias: np.ndarray

    @property
    def grid(self) -> Grid | None:
        """The grid of an output that is the sums times one power of two; None of another output."""
        scale = float(self.scale[0])
        if (self.scale != scale).any() or not is_power_of_two(scale) or self.bias.any():
            return None
        return Grid(scale, int(self.low.min()), int(self.high.max()))

    def numbers(self, sums: np.ndarray) -> np.ndarray:
        """Sums (N, outputs, ...) as the layer's output in double precision."""
        shape = (-1,) + (1,) * (sums.ndim - 2)
        return sums.astype(np.float64) * self.scale.reshape(shape) + self.bias.reshape(shape)


def quantiser_grid(node: onnx.NodeProto, constants: Mapping[str, np.ndarray]) -> Grid | None:
    """The levels of a quantiser with one scale and zero point 0; None of another node."""
    if node.op_type != "Quant" or any(name not in constants or constants[name].size != 1 for name in node.input[1:]):
        return None
    scale, zero_point, bits = (float(constants[name].item()) for name in node.input[1:])
    given = attributes(node)
    signed, narrow, width = given.get("signed", 1), given.get("narrow", 0), int(bits)
    if zero_point or not bits.is_integer() or not 1 + signed <= bits <= _MOST_BITS:
        return None
    return (
        Grid(scale, narrow - 2 ** (width - 1), 2 ** (width - 1) - 1)
        if signed
        else Grid(scale, 0, 2**width - 1 - narrow)
    )


def integer_sums(
    model: onnx.ModelProto,
    node: onnx.NodeProto,
    grid: Grid,
    constants: Mapping[str, np.ndarray],
    stored: Mapping[str, np.ndarray],
) -> Sums | None:
    """The integer sums of a convolution or linear layer whose input lies on a grid; None where it has no such sums.

    constants: all constants in double precision, computed ones too; stored: the constants of the file.
    """
    found = quantised_weights(model, node.input[1], constants, stored)
    bias = constants.get(node.input[2]) if len(node.input) > 2 and node.input[2] else np.zeros(1)
    if found is None or bias is None:
        return None
    weights, scale = found
    given = attributes(node)
    if node.op_type == "Gemm" and given.get("transB", 0):
        weights, scale = weights.T, scale.T
    if node.op_type != "Conv":  # (inputs, outputs) -> (outputs, inputs)
        weights, scale = weights.T, scale.T
    outputs = len(weights)
    per_output = scale.reshape(outputs, -1)
    if (per_output != per_output[:, :1]).any() or bias.size not in (1, outputs):
        return None
    inner = tuple(range(1, weights.ndim))
    low, high = min(grid.low, 0), max(grid.high, 0)  # padding is 0
    positive, negative = np.maximum(weights, 0).sum(inner), np.minimum(weights, 0).sum(inner)
    largest = float(np.abs(weights).sum(inner).max() * max(-low, high))
    dtype = exact_type(largest)
    compute = None if dtype is None else _layer(node, weights.astype(dtype), given)
    if dtype is None or compute is None:
        return None
    return Sums(
        compute,
        dtype,
        (positive * low + negative * high).astype(np.int64),
        (positive * high + negative * low).astype(np.int64),
        per_output[:, 0] * grid.scale,
        np.broadcast_to(bias.ravel(), (outputs,)),
    )


def real_layer(node: onnx.NodeProto, constants: Mapping[str, np.ndarray]) -> Callable[[np.ndarray], np.ndarray] | None:
    """A convolution or linear layer of numbers in double precision; None for one with attributes not known here."""
    weights, given = constants[node.input[1]], attributes(node)
    turned = node.op_type != "Conv" and not (node.op_type == "Gemm" and given.get("transB", 0))
    layer = _layer(node, weights.T if turned else weights, given)
    if layer is None or len(node.input) < 3 or not node.input[2]:
        return layer
    bias = constants[node.input[2]]
    if node.op_type == "Conv":
        bias = bias.reshape(-1, *[1] * (weights.ndim - 2))
    return lambda x: layer(x) + bias


@dataclass(frozen=True)
class Windows:
    """Kernel, strides and pads of a pool, as `integer_layers` takes them."""

    kernel: Sequence[int]
    strides: Sequence[int]
    pads: Sequence[int]


def windows(node: onnx.NodeProto) -> Windows | None:
    """The windows of a max pool without padding, or of an average pool that counts its zeros; None of another node."""
    given = attributes(node)
    kernel, pads = given.get("kernel_shape", []), given.get("pads", [])
    ones = [1] * len(kernel)
    padded = any(pads) and not (node.op_type == "AveragePool" and given.get("count_include_pad"))
    if node.op_type not in ("MaxPool", "AveragePool") or padded or given.get("ceil_mode") or len(node.output) > 1:
        return None
    if list(given.get("dilations", ones)) != ones or given.get("auto_pad", b"NOTSET") != b"NOTSET":
        return None
    return Windows(kernel, given.get("strides", ones), pads or [0, 0] * len(kernel))


def pool(node: onnx.NodeProto) -> Callable[[np.ndarray], np.ndarray] | None:
    """A maximum over whole windows, or an average of real numbers; None of another node."""
    if (found := windows(node)) is None:
        return None
    if node.op_type == "MaxPool":
        return partial(max_pool, kernel=found.kernel, strides=found.strides)
    return partial(average_pool, kernel=found.kernel, strides=found.strides, pads=found.pads)


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes by name."""
    from onnx.helper import get_attribute_value

    return {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}


def _layer(
    node: onnx.NodeProto, weights: np.ndarray, given: Mapping[str, Any]
) -> Callable[[np.ndarray], np.ndarray] | None:
    """weights: (outputs, inputs, ...)."""
    if node.op_type != "Conv":
        if weights.ndim != 2 or given.get("transA", 0) or given.get("alpha", 1) != 1 or given.get("beta", 1) != 1:
            return None
        matrix = np.ascontiguousarray(weights.T)
        return lambda x: x.astype(matrix.dtype, copy=False) @ matrix
    if given.get("auto_pad", b"NOTSET") != b"NOTSET":
        return None
    dimensions = weights.ndim - 2
    return Convolution(
        weights,
        given.get("strides", [1] * dimensions),
        given.get("dilations", [1] * dimensions),
        given.get("pads", [0] * 2 * dimensions),
        given.get("group", 1),
    )


def quantised_weights(
    model: onnx.ModelProto, tensor: str, constants: Mapping[str, np.ndarray], stored: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Integers and their scales, two arrays of one shape, of a quantised constant behind transposes and reshapes."""
    makers = {name: node for node in model.graph.node for name in node.output}
    moves: list[Any] = []
    while (maker := makers.get(tensor)) is not None and maker.op_type in _MOVES:
        moves.insert(0, maker)
        tensor = maker.input[0]
    if maker is None or maker.op_type != "Quant" or any(name not in stored for name in maker.input):
        return None
    integers = integer_weights(maker, stored)
    scale = np.broadcast_to(stored[maker.input[1]].astype(np.float64), integers.shape)
    if moves:
        move = exact_function(model, moves, [tensor], constants)
        integers, scale = move(integers), move(np.ascontiguousarray(scale))
    return integers, scale
