"""Replace FINN's thresholds, computed in single precision, by the exact integers that the network's constants imply.

FINN folds scales and batch norms into the thresholds of each activation in single precision, which leaves errors of up
to a thousandth of an accumulator step. A threshold that lies so close to an integer is rounded to the wrong integer.
The hardware then differs from the network in the few frames whose accumulator hits the threshold. With some thousand
thresholds this is to be expected in every third network or so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finn_build.integer_scales import integer_scales
from finn_build.node_order import nodes_in_order
from finn_build.steps.activations import Activation, activations
from finn_build.steps.affine_maps import AffineMaps
from finn_build.steps.branch_factors import TIE
from finn_build.steps.joint_thresholds import is_joint, joint_thresholds, weigh_branches
from finn_build.steps.split_sums import DEAD
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

_EXACT = 2**24
"""Integers up to this one are exact in single precision."""
_ROUNDING = 1e-4
"""Largest relative error of FINN's thresholds that single precision explains."""


def exact_thresholds(model: ModelWrapper, network: ModelWrapper) -> ModelWrapper:
    """Set the thresholds of the streamlined `model` to those that follow from the QONNX `network` exactly.

    A network with quantisers that are no `Activation` stays as FINN made it, and the RTL build refuses it. Raises
    RadioMLError when FINN's thresholds differ by more than rounding explains, which would be a defect.
    """
    quantisers = activations(network)
    if None in quantisers:
        return model
    exact_already = {behind.layer.output[0] for behind in AffineMaps(network).readers()}
    found = [
        activation
        for activation in quantisers
        if activation and not (activation.weighted and activation.weighted.output[0] in exact_already)
    ]
    nodes = [node for node in nodes_in_order(model) if node.op_type == "MultiThreshold"]
    if len(nodes) != len(found):
        raise RadioMLError(f"FINN made {len(nodes)} thresholding layers of {len(found)} activations")
    for node, activation in zip(nodes, found, strict=True):
        rounded = model.get_initializer(node.input[1])
        levels = _levels(network, activation.quant)
        real, usable = _real_thresholds(network, activation, levels)
        if rounded.shape not in (real.shape, (1, real.shape[1])):  # one row where all channels are alike
            raise RadioMLError(f"{node.name}: FINN made thresholds {rounded.shape} where the network has {real.shape}")
        if is_joint(network, activation):
            factors, exact, ends = joint_thresholds(network, activation, real, levels)
            scale, deviation = weigh_branches(model, node, factors)
            rounded = np.clip(rounded / scale, *ends)
            largest = np.abs(exact).max() + deviation / _ROUNDING * np.abs(ends).max()
            step = max(factors)  # between two weighted sums
        else:
            exact, largest, step = _integers(real, levels), np.abs(real), 1
        error = np.where(usable, np.abs(rounded - exact), 0)
        if (error > step + _ROUNDING * largest).any():
            raise RadioMLError(f"{node.name}: FINN's thresholds differ from the network's by up to {error.max():g}")
        table = np.where(usable, exact, rounded)
        if model.get_tensor_datatype(node.input[0]).min() >= 0:
            table = np.maximum(table, 0)  # every unsigned number reaches it; FINN takes no negative thresholds there
        exact_in_single = np.abs(table).max() <= _EXACT
        model.set_initializer(node.input[1], table.astype(np.float32 if exact_in_single else np.float64))
    return model


def _real_thresholds(
    network: ModelWrapper, activation: Activation, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What the accumulator must reach for each level, (channels, levels), and where there is such a number.

    Level k is reached when gamma (a s - mean) / sigma + beta >= (k - 1/2) x scale, with a the accumulator and s its
    scale. For a negative gamma FINN negates the weights, so the accumulator is negated here. Where branches of
    different scales meet, s is the scale of the weights alone.
    """
    real, usable = (levels - 0.5) * _constant(network, activation.quant.input[1]).item(), np.True_
    if activation.weighted is None or activation.batch_norm is None:
        real = real[None] / integer_scales(network, activation.quant.input[0]).scale
    else:
        gamma, beta, mean, variance = (_constant(network, name) for name in activation.batch_norm.input[1:5])
        if len(activation.weighted.input) > 2:
            mean = mean - _constant(network, activation.weighted.input[2])
        epsilon = next(a.f for a in activation.batch_norm.attribute if a.name == "epsilon")
        live = np.abs(gamma) >= DEAD
        usable = live[:, None]
        slope = np.where(live, np.abs(gamma), 1) / np.sqrt(variance + epsilon)
        joint = is_joint(network, activation)
        input_scale = 1.0 if joint else integer_scales(network, activation.weighted.input[0]).scale
        accumulator_scale = input_scale * _weight_scale(network, activation.weighted)
        real = (real - beta[:, None]) / slope[:, None] + (np.sign(gamma) * mean)[:, None]
        real /= np.broadcast_to(accumulator_scale, gamma.shape)[:, None]
    return real, np.broadcast_to(usable, real.shape)


def _integers(real: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The smallest integer that reaches each threshold, (channels, levels)."""
    nearest = np.rint(real)
    # On a tie Brevitas rounds to the even level, so an odd level begins with the next accumulator.
    return np.where(np.abs(real - nearest) < TIE, nearest + levels % 2, np.ceil(real))


def _levels(network: ModelWrapper, quant: NodeProto) -> np.ndarray:
    """All levels of a quantiser except the lowest, in order."""
    from qonnx.custom_op.registry import getCustomOp

    attributes, bits = getCustomOp(quant), int(network.get_initializer(quant.input[3]).item())
    if not attributes.get_nodeattr("signed"):
        return np.arange(1, 2**bits - attributes.get_nodeattr("narrow"))
    return np.arange(1 - 2 ** (bits - 1) + attributes.get_nodeattr("narrow"), 2 ** (bits - 1))


def _weight_scale(network: ModelWrapper, weighted: NodeProto) -> np.ndarray:
    """Scale of the weights: one number, or one for each output channel."""
    tensor = weighted.input[1]
    while (producer := network.find_producer(tensor)).op_type != "Quant":
        tensor = producer.input[0]
    return _constant(network, producer.input[1]).ravel()


def _constant(network: ModelWrapper, name: str) -> np.ndarray:
    return np.asarray(network.get_initializer(name), np.float64)
