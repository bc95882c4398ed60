"""What layers with windows or weights become: weighted sums and maxima of rows. RadioMLError: one that has no RTL."""

from __future__ import annotations

import numpy as np

from finn_build.statistics_unit.elements import Elements
from finn_build.statistics_unit.levels import plain
from finn_build.statistics_unit.node import Node
from finn_build.statistics_unit.serial import in_turn
from finn_build.statistics_unit.sums import MOST_TAPS, extremes, weighted_sums
from finn_build.statistics_unit.windows import windows_of
from finn_build.statistics_unit.wires import Wires
from radioml.errors import RadioMLError


def average(wires: Wires, node: Node) -> Elements:
    """AveragePool: a weighted sum of each window."""
    kernel = node.given["kernel_shape"]
    pads = node.given.get("pads", [0] * 2 * len(kernel))
    if node.given.get("ceil_mode") or (any(pads) and not node.given.get("count_include_pad")):
        raise RadioMLError("its padding has to count as zeros (count_include_pad), without ceil_mode")
    source = plain(wires, node[0]) if any(pads) or np.prod(kernel) > MOST_TAPS else node[0]
    rows, shape = windows_of(wires, source, kernel, node.given.get("strides", [1] * len(kernel)), pads)
    result = weighted_sums(wires, rows, np.full(rows.shape, 1 / np.prod(kernel)))
    return in_turn(wires, result.moved(lambda part: part.reshape(shape)))


def max_pool(wires: Wires, node: Node) -> Elements:
    """MaxPool: the largest number of each window."""
    kernel = node.given["kernel_shape"]
    if any(node.given.get("pads", [])) or node.given.get("ceil_mode"):
        raise RadioMLError("a maximum has to be without padding and ceil_mode")
    strides = node.given.get("strides", [1] * len(kernel))
    rows, shape = windows_of(wires, node[0], kernel, strides, [0] * 2 * len(kernel))
    found = extremes(wires, "max", [rows[np.array(index)] for index in range(len(rows.wire))])
    return in_turn(wires, found.moved(lambda part: part.reshape(shape)))


def reduce_max(wires: Wires, node: Node) -> Elements:
    """ReduceMax over one axis."""
    axes = node.constant(1)
    if axes is None or axes.size != 1:
        raise RadioMLError("a maximum is over one axis")
    x, axis = node[0], int(axes.item())
    keep = node.given.get("keepdims", 1)
    moved = x.moved(lambda part: np.moveaxis(part, axis, -1))
    rows = moved.moved(lambda part: part.reshape(-1, x.shape[axis]))
    found = extremes(wires, "max", [rows[np.array(index)] for index in range(len(rows.wire))])
    shape = moved.shape[:-1]
    result = found.moved(lambda part: part.reshape(shape))
    result = in_turn(wires, result)
    return result.moved(lambda part: np.expand_dims(part, axis)) if keep else result


def matrix_product(wires: Wires, node: Node) -> Elements:
    """MatMul and Gemm with constant weights."""
    weights = node.constant(1)
    if weights is None or weights.ndim != 2:
        raise RadioMLError("its weights have to be a constant matrix")
    if node.kind == "Gemm":
        if node.given.get("transA") or node.given.get("alpha", 1) != 1 or node.given.get("beta", 1) != 1:
            raise RadioMLError("a Gemm may have transB and nothing else")
        weights = weights.T if node.given.get("transB") else weights
    x = node[0]
    rows = x.moved(lambda part: part.reshape(-1, x.shape[-1]))
    count, outputs = len(rows.wire), weights.shape[1]
    bias = node.constant(2)
    constant = np.zeros(outputs) if bias is None else np.broadcast_to(bias, (outputs,))
    each = rows.moved(lambda part: np.repeat(part, outputs, axis=0))  # row by row, its outputs side by side
    result = weighted_sums(wires, each, np.tile(weights.T, (count, 1)), np.tile(constant, count))
    return result.moved(lambda part: part.reshape(*x.shape[:-1], outputs))


def convolve(wires: Wires, node: Node) -> Elements:
    """Conv with constant weights, two dimensions and one group."""
    weights = node.constant(1)
    kernel = [1, 1] if weights is None else list(weights.shape[2:])
    dilations = node.given.get("dilations", [])
    if weights is None or weights.ndim != 4 or node.given.get("group", 1) != 1 or any(d != 1 for d in dilations):
        raise RadioMLError("a convolution has constant weights, two dimensions, one group and no dilation")
    pads = node.given.get("pads", [0] * 4)
    source = plain(wires, node[0]) if any(pads) else node[0]
    rows, shape = windows_of(wires, source, kernel, node.given.get("strides", [1, 1]), pads)
    pixels, channels = shape[2] * shape[3], shape[1]
    by_channel = rows.moved(lambda part: part.reshape(channels, pixels, -1).transpose(1, 0, 2).reshape(pixels, -1))
    matrix = weights.reshape(len(weights), -1)
    bias = node.constant(2)
    constant = np.zeros(len(matrix)) if bias is None else bias.ravel()
    each = by_channel.moved(lambda part: np.tile(part, (len(matrix), 1)))  # channel by channel, its pixels side by side
    result = weighted_sums(wires, each, np.repeat(matrix, pixels, axis=0), np.repeat(constant, pixels))
    return in_turn(wires, result.moved(lambda part: part.reshape(1, len(matrix), *shape[2:])))


def batch_norm(wires: Wires, node: Node) -> Elements:
    """BatchNormalization: a factor and an offset for each channel."""
    gamma, beta, mean, variance = (node.constant(index) for index in (1, 2, 3, 4))
    assert gamma is not None and beta is not None and mean is not None and variance is not None
    factor = gamma / np.sqrt(variance + node.given.get("epsilon", 1e-5))
    shape = (1, -1, *[1] * (len(node[0].shape) - 2))
    return node[0].scaled(factor.reshape(shape)).shifted((beta - mean * factor).reshape(shape))
