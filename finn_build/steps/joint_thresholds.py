"""Thresholds behind a join of two branches with different scales: integer factors of the branches, exact integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finn_build.graph.integer_scales import integer_scales, levels_of, quantiser_before
from finn_build.steps.branch_factors import Boundary, integer_factors
from finn_build.steps.split_sums import DEAD, branch_weights
from radioml.errors import RadioMLError
from radioml.network.exact_qonnx import integer_weights
from radioml.network.integer_nodes import attributes, quantiser_grid

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

    from finn_build.steps.activations import Activation

_ROUNDING = 1e-3
"""Largest relative error of a quotient of two of FINN's scales that single precision and rounded factors explain."""


def is_joint(network: ModelWrapper, activation: Activation) -> bool:
    """Whether the layer in front of an activation reads a join of branches with different scales."""
    if activation.weighted is None:
        return False
    return len(set(integer_scales(network, activation.weighted.input[0]).scales.values())) > 1


def joint_thresholds(
    network: ModelWrapper, activation: Activation
) -> tuple[tuple[int, int], np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds of an activation behind a join of branches.

    Returns:
        The integer factors of both branches.
        The smallest weighted sum that reaches each level, int64 (channels, levels).
        Whether a channel's level depends on its sum, bool (channels, levels).
        The smallest weighted sum of each channel, which all sums reach, and the first number above the largest, which
        no sum reaches: int64 (2, channels, 1).
    """
    layer, norm = activation.weighted, activation.batch_norm
    assert layer is not None and norm is not None
    grid = levels_of(network, activation.quant)
    assert grid is not None
    levels = np.arange(grid.low + 1, grid.high + 1)
    real, usable = _real_thresholds(network, layer, norm, (levels - 0.5) * grid.scale)
    join = network.find_producer(layer.input[0])
    constants = {tensor.name: network.get_initializer(tensor.name) for tensor in network.graph.initializer}
    quantisers = [quantiser_before(network, branch) for branch in join.input]
    grids = [quantiser_grid(quant, constants) if quant is not None else None for quant in quantisers]
    if None in grids:
        raise RadioMLError(f"{layer.name}: a branch that it reads is not quantised right in front of the join")
    first, second = (grid for grid in grids if grid is not None)
    sign = np.where(constants[norm.input[1]] < 0, -1, 1)[:, None]  # as in `split_sums`
    integers = branch_weights(network, join, layer, integer_weights(network.find_producer(layer.input[1]), constants))
    rows = [(part.T if layer.op_type == "MatMul" else part.reshape(len(real), -1)) * sign for part in integers]
    boundaries = []
    for *weights, wanted in zip(*rows, real, strict=True):
        # Padding is 0, which lies within the range of every quantiser.
        ranges = []
        for grid, row in zip((first, second), weights, strict=True):
            ends = row * grid.low, row * grid.high
            ranges.append((int(np.minimum(*ends).sum()), int(np.maximum(*ends).sum())))
        boundaries += [
            Boundary(float(value), int(level), (first.scale, second.scale), ranges[0], ranges[1])
            for value, level in zip(wanted, levels, strict=True)
        ]
    factors, thresholds = integer_factors((first.scale, second.scale), boundaries, layer.name)
    table = np.array(thresholds, np.int64).reshape(real.shape)
    limits = np.array([[b.first, b.second] for b in boundaries[:: len(levels)]], np.int64)  # channel, branch, end
    low, high = np.einsum("cbe,b->ec", limits, factors)[:, :, None]
    return factors, table, usable, np.stack([low, high + 1])


def _real_thresholds(
    network: ModelWrapper, layer: NodeProto, norm: NodeProto, steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What the scaled sum of both branches must reach for each level, and whether the level depends on it.

    Both are (channels, levels).

    A level is reached when gamma (a s - mean) / sigma + beta >= its step, with the scale s of the weights. For a
    negative gamma FINN negates the weights, so the sums are negated here.
    """
    gamma, beta, mean, variance = (_constant(network, name) for name in norm.input[1:5])
    if len(layer.input) > 2:
        mean = mean - _constant(network, layer.input[2])
    live = np.abs(gamma) >= DEAD
    slope = np.where(live, np.abs(gamma), 1) / np.sqrt(variance + attributes(norm)["epsilon"])
    real = (steps - beta[:, None]) / slope[:, None] + (np.sign(gamma) * mean)[:, None]
    scale = _constant(network, network.find_producer(layer.input[1]).input[1]).ravel()
    real /= np.broadcast_to(scale, gamma.shape)[:, None]
    return real, np.broadcast_to(live[:, None], real.shape)


def _constant(network: ModelWrapper, name: str) -> np.ndarray:
    return np.asarray(network.get_initializer(name), np.float64)


def weigh_branches(model: ModelWrapper, thresholds: NodeProto, factors: tuple[int, int]) -> tuple[float, float]:
    """Replace the scales of the branches whose sum goes to `thresholds` by integer factors.

    Returns the value of one step of the weighted sum, and the relative difference between the quotient of the scales
    and the quotient of the factors. A threshold differs from FINN's by at most this fraction of the largest sum. Raises
    RadioMLError where the quotients differ by more than rounding explains.
    """
    from qonnx.core.datatype import DataType

    total = model.find_producer(thresholds.input[0])
    while total.op_type != "Add":
        total = model.find_producer(total.input[0])
    scales = []
    for branch, factor in zip(total.input, factors, strict=True):
        product = model.find_producer(branch)
        scale = model.get_initializer(product.input[1]) if product.op_type == "Mul" else None
        if scale is None:
            raise RadioMLError(f"{product.name}: FINN did not leave the scale of a branch in front of its sum")
        scales.append(scale.astype(np.float64))
        model.set_initializer(product.input[1], np.array(factor, np.float32))
        model.set_tensor_datatype(product.input[1], DataType["INT32"])
        model.set_tensor_datatype(branch, DataType["INT32"])
    model.set_tensor_datatype(total.output[0], DataType["INT32"])
    quotient = scales[0] / scales[1] / (factors[0] / factors[1])
    if (np.abs(quotient - 1) > _ROUNDING).any():
        raise RadioMLError(f"{total.name}: FINN gives its branches scales that do not fit the factors {factors}")
    return float(scales[0].mean() / factors[0]), float(np.abs(quotient - 1).max())
