"""Replace FINN's thresholds, computed in single precision, by the exact integers that the network's constants imply.

FINN folds scales and batch norms into the thresholds of each activation in single precision, which leaves errors of up
to a thousandth of an accumulator step. A threshold that lies so close to an integer is rounded to the wrong integer.
The hardware then differs from the network in the few frames whose accumulator hits the threshold. With some thousand
thresholds this is to be expected in every third network or so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finn_build.graph.node_order import nodes_in_order
from finn_build.steps.activations import Activation, activations
from finn_build.steps.affine_maps import AffineMaps
from finn_build.steps.fuse_activations import is_table
from finn_build.steps.integer_functions import IntegerFunctions
from finn_build.steps.joint_thresholds import is_joint, joint_thresholds, weigh_branches
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

_EXACT = 2**24
"""Integers up to this one are exact in single precision."""
_FAR = 2**52
"""A threshold beyond this number stays as FINN computed it: no sum of FINN's layers reaches it."""
_ROUNDING = 1e-4
"""Largest relative error of FINN's thresholds that single precision explains."""


def exact_thresholds(model: ModelWrapper, network: ModelWrapper) -> ModelWrapper:
    """Set the thresholds of the streamlined `model` to those that follow from the QONNX `network` exactly.

    A network with quantisers that are no `Activation` stays as FINN made it, and the RTL build refuses it. Raises
    RadioMLError when FINN's thresholds differ by more than rounding explains, which would be a defect.
    """
    if None in activations(network):
        return model
    nodes = [node for node in nodes_in_order(model) if node.op_type == "MultiThreshold"]
    functions = IntegerFunctions(network)
    found = _with_thresholds(network, functions)
    if len(nodes) != len(found):
        raise RadioMLError(f"FINN made {len(nodes)} thresholding layers of {len(found)} activations")
    for node, activation in zip(nodes, found, strict=True):
        rounded = model.get_initializer(node.input[1])
        if is_joint(network, activation):
            factors, exact, usable, ends = joint_thresholds(network, activation)
            scale, deviation = weigh_branches(model, node, factors)
            rounded = np.clip(rounded / scale, *ends)
            largest = np.abs(exact).max() + deviation / _ROUNDING * np.abs(ends).max()
            step = max(factors)  # between two weighted sums
        else:
            function = functions.of(activation)
            bounds = (-_FAR, _FAR) if activation.known_to_finn else (function.low, function.high)
            exact = function.thresholds(*bounds)
            usable, largest, step = np.abs(exact) < _FAR, np.abs(exact), 1
        if rounded.shape not in (exact.shape, (1, exact.shape[1])):  # one row where all channels are alike
            raise RadioMLError(f"{node.name}: FINN made thresholds {rounded.shape} where the network has {exact.shape}")
        error = np.where(usable, np.abs(rounded - exact), 0)
        if (error > step + _ROUNDING * largest).any():
            raise RadioMLError(f"{node.name}: FINN's thresholds differ from the network's by up to {error.max():g}")
        table = np.where(usable, exact, rounded)
        if model.get_tensor_datatype(node.input[0]).min() >= 0:
            table = np.maximum(table, 0)  # all unsigned numbers reach 0, and FINN takes no negative thresholds of them
        exact_in_single = np.abs(table).max() <= _EXACT
        model.set_initializer(node.input[1], table.astype(np.float32 if exact_in_single else np.float64))
    return model


def _with_thresholds(network: ModelWrapper, functions: IntegerFunctions) -> list[Activation]:
    """The activations that FINN turns into thresholds, in order."""
    exact_already = {behind.layer.output[0] for behind in AffineMaps(network).readers()}
    return [
        activation
        for activation in activations(network)
        if activation is not None
        and activation.source not in exact_already
        and (activation.known_to_finn or not is_table(activation, functions.of(activation)))
    ]
