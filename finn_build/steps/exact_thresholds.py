"""Replace FINN's thresholds, computed in single precision, by the exact integers that the network's constants imply.

FINN folds scales and batch norms into the thresholds of each activation in single precision, which leaves errors of up
to a thousandth of an accumulator step. A threshold that lies so close to an integer is rounded to the wrong one, and
the hardware differs from the network in the few frames whose accumulator hits it: with some thousand thresholds this
is to be expected in every third network or so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

    from radioml.quantiser import InputQuantiser

_TIE = 1e-9
"""Closer than this to an integer, in double precision, a threshold is that integer."""
_ROUNDING = 1e-4
"""Largest relative error of FINN's thresholds that single precision explains."""


@dataclass(frozen=True)
class Activation:
    """A quantised ReLU behind a batch norm behind a convolution or linear layer, as its nodes in the QONNX graph."""

    quant: NodeProto
    batch_norm: NodeProto
    weighted: NodeProto


def activations(network: ModelWrapper) -> list[Activation | None]:
    """The quantised activations of a QONNX network in order; None for one that is not such a chain."""
    found: list[Activation | None] = []
    for quant in network.get_nodes_by_op_type("Quant"):
        if network.get_initializer(quant.input[0]) is not None or quant.input[0] == network.graph.input[0].name:
            continue  # weights, the input quantiser
        chain, tensor = [], quant.input[0]
        while len(chain) < 3 and (node := network.find_producer(tensor)) is not None:
            chain.append(node)
            tensor = node.input[0]
        kinds = [node.op_type for node in chain]
        fits = kinds[:2] == ["Relu", "BatchNormalization"] and kinds[2:] in (["Conv"], ["MatMul"], ["Gemm"])
        found.append(Activation(quant, chain[1], chain[2]) if fits else None)
    return found


def exact_thresholds(model: ModelWrapper, network: ModelWrapper, quantiser: InputQuantiser) -> ModelWrapper:
    """Set the thresholds of the streamlined `model` to those that follow from the QONNX `network` exactly.

    A network with other activations than `activations` knows is left as FINN made it; the RTL build refuses it.
    Raises RadioMLError when FINN's thresholds differ by more than rounding explains: that would be a defect.
    """
    chain = activations(network)
    if not all(chain):
        return model
    nodes = model.get_nodes_by_op_type("MultiThreshold")
    if len(nodes) != len(chain):
        raise RadioMLError(f"FINN made {len(nodes)} thresholding layers of {len(chain)} activations")
    input_scale = quantiser.scale
    for node, activation in zip(nodes, chain, strict=True):
        rounded = model.get_initializer(node.input[1])
        exact, usable = _thresholds(network, activation, input_scale)
        if rounded.shape not in (exact.shape, (1, exact.shape[1])):  # one row where all channels are alike
            raise RadioMLError(f"{node.name}: FINN made thresholds {rounded.shape} where the network has {exact.shape}")
        error = np.abs(rounded - exact)[usable]
        if (error > 1 + _ROUNDING * np.abs(exact[usable])).any():
            raise RadioMLError(f"{node.name}: FINN's thresholds differ from the network's by up to {error.max():g}")
        model.set_initializer(node.input[1], np.where(usable, exact, rounded).astype(np.float32))
        input_scale = float(_constant(network, activation.quant.input[1]).item())
    return model


def _thresholds(network: ModelWrapper, activation: Activation, input_scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Smallest accumulator (channels, levels) at which each level is reached, and where that is a number.

    Level k is reached when gamma (a s - mean) / sigma + beta >= (k - 1/2) x scale, with a the accumulator and s its
    scale. For a negative gamma FINN negates the weights, and so do we the accumulator.
    """
    gamma, beta, mean, variance = (_constant(network, name) for name in activation.batch_norm.input[1:5])
    epsilon = next(a.f for a in activation.batch_norm.attribute if a.name == "epsilon")
    scale, _, bits = (_constant(network, name).item() for name in activation.quant.input[1:4])
    levels = np.arange(1, 2 ** int(bits))
    usable = gamma != 0
    slope = np.where(usable, np.abs(gamma), 1) / np.sqrt(variance + epsilon)
    accumulator_scale = input_scale * _weight_scale(network, activation.weighted)
    real = ((levels - 0.5) * scale - beta[:, None]) / slope[:, None] + (np.sign(gamma) * mean)[:, None]
    real /= np.broadcast_to(accumulator_scale, gamma.shape)[:, None]
    nearest = np.rint(real)
    # On a tie Brevitas rounds to the even level, so an odd one begins with the next accumulator.
    tied = nearest + (levels % 2)
    return np.where(np.abs(real - nearest) < _TIE, tied, np.ceil(real)), np.broadcast_to(usable[:, None], real.shape)


def _weight_scale(network: ModelWrapper, weighted: NodeProto) -> np.ndarray:
    """Scale of the weights: one number, or one an output channel."""
    tensor = weighted.input[1]
    while (producer := network.find_producer(tensor)).op_type != "Quant":
        tensor = producer.input[0]
    return _constant(network, producer.input[1]).ravel()


def _constant(network: ModelWrapper, name: str) -> np.ndarray:
    return np.asarray(network.get_initializer(name), np.float64)
