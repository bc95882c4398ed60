"""Push sums of branches with different scales behind the layer that reads them, where integers can be added.

`conv(a s1 + b s2)` becomes `conv(a s1) + conv(b s2)`. Both convolutions have the same integer weights, and each has
integer sums of one scale. `exact_thresholds` gives each branch an integer factor.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np

from finn_build.integer_scales import integer_scales
from finn_build.steps.residual_sums import sums

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

DEAD = 1e-30
"""A batch norm's channel with a smaller gamma is constant: no difference of activations shows in its output."""


def unequal_sums(model: ModelWrapper) -> list[NodeProto]:
    """The sums of two branches whose integers have different scales."""
    return [node for node in sums(model) if len(set(integer_scales(model, node.output[0]).scales.values())) > 1]


def layers_behind(model: ModelWrapper, node: NodeProto) -> list[NodeProto] | None:
    """The convolution and the batch norm that alone read a sum of branches; None where others read it."""
    found, tensor = [], node.output[0]
    for kind in ("Conv", "BatchNormalization"):
        readers = model.find_consumers(tensor) or []
        if [reader.op_type for reader in readers] != [kind]:
            return None
        found.append(readers[0])
        tensor = readers[0].output[0]
    return found


def split_sums(model: ModelWrapper) -> ModelWrapper:
    """Push each sum of branches with different scales behind its convolution, and silence dead channels.

    Channels with a negative gamma get negated weights and a positive gamma, because FINN moves a sign only into the
    weights of a single layer.
    """
    from qonnx.transformation.general import GiveUniqueNodeNames, SortGraph
    from qonnx.transformation.infer_shapes import InferShapes

    for norm in model.get_nodes_by_op_type("BatchNormalization"):
        gamma = model.get_initializer(norm.input[1])
        model.set_initializer(norm.input[1], np.where(np.abs(gamma) < DEAD, 0, gamma).astype(np.float32))
    for node in unequal_sums(model):
        layers = layers_behind(model, node)
        if layers is not None:
            _make_positive(model, *layers)
            _split(model, node, layers[0])
    return model.transform(SortGraph()).transform(GiveUniqueNodeNames()).transform(InferShapes())


def _make_positive(model: ModelWrapper, conv: NodeProto, norm: NodeProto) -> None:
    quant = model.find_producer(conv.input[1])
    weights, gamma = model.get_initializer(quant.input[0]), model.get_initializer(norm.input[1])
    sign = np.where(gamma < 0, -1, 1).astype(np.float32)
    model.set_initializer(quant.input[0], weights * sign.reshape(-1, *[1] * (weights.ndim - 1)))
    model.set_initializer(norm.input[1], gamma * sign)
    model.set_initializer(norm.input[3], model.get_initializer(norm.input[3]) * sign)


def _split(model: ModelWrapper, node: NodeProto, conv: NodeProto) -> None:
    graph, total = model.graph, conv.output[0]
    quant = model.find_producer(conv.input[1])
    parts = []
    for number, branch in enumerate(node.input):
        weights, layer = deepcopy(quant), deepcopy(conv)
        latent = f"{quant.input[0]}_{number}"
        model.set_initializer(latent, model.get_initializer(quant.input[0]))
        weights.input[0], weights.output[0] = latent, f"{quant.output[0]}_{number}"
        layer.input[0], layer.input[1], layer.output[0] = branch, weights.output[0], f"{total}_{number}"
        weights.name, layer.name = f"{quant.name}_{number}", f"{conv.name}_{number}"
        graph.node.extend([weights, layer])
        parts.append(layer.output[0])
    for removed in (quant, conv):
        graph.node.remove(removed)
    node.input[:], node.output[0] = parts, total
