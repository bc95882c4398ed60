"""Push sums and concatenations of branches with different scales behind the layer that reads them.

`conv(a s1 + b s2)` becomes `conv(a s1) + conv(b s2)`. Both convolutions have the same integer weights, negated for a
branch that is subtracted, and each has integer sums of one scale. Behind a concatenation each branch has the weights of
its own channels. `exact_thresholds` gives each branch an integer factor.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np

from finn_build.graph.integer_scales import integer_scales
from finn_build.steps.residual_sums import sums

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

DEAD = 1e-30
"""A batch norm's channel with a smaller gamma is constant: no difference of activations shows in its output."""


def unequal_joins(model: ModelWrapper) -> list[NodeProto]:
    """The sums and concatenations of two branches whose integers have different scales."""
    joins = [*sums(model), *(node for node in model.get_nodes_by_op_type("Concat") if len(node.input) == 2)]
    return [node for node in joins if len(set(integer_scales(model, node.output[0]).scales.values())) > 1]


def layers_behind(model: ModelWrapper, node: NodeProto) -> list[NodeProto] | None:
    """The layer with weights behind a join of branches, and the batch norm behind that; None for other readers.

    The layer behind a sum is a convolution, that behind a concatenation a convolution or a linear layer.
    """
    weighted = ("Conv", "MatMul") if node.op_type == "Concat" else ("Conv",)
    found, tensor = [], node.output[0]
    for kinds in (weighted, ("BatchNormalization",)):
        readers = model.find_consumers(tensor) or []
        if len(readers) != 1 or readers[0].op_type not in kinds:
            return None
        found.append(readers[0])
        tensor = readers[0].output[0]
    return found


def branch_weights(model: ModelWrapper, join: NodeProto, layer: NodeProto, weights: np.ndarray) -> list[np.ndarray]:
    """The weights of the layer behind a join for each of its branches."""
    if join.op_type != "Concat":
        return [weights, weights if join.op_type == "Add" else -weights]
    axis = 0 if layer.op_type == "MatMul" else 1  # (inputs, outputs), (outputs, inputs, window)
    ends = np.cumsum([model.get_tensor_shape(name)[1] for name in join.input])
    return np.split(weights, ends[:-1], axis)


def split_sums(model: ModelWrapper) -> ModelWrapper:
    """Push each join of branches with different scales behind its reader, and set the gamma of dead channels to 0.

    Channels with a negative gamma get negated weights and a positive gamma, because FINN moves a sign only into the
    weights of a single layer.
    """
    from qonnx.transformation.general import GiveUniqueNodeNames, SortGraph
    from qonnx.transformation.infer_shapes import InferShapes

    for norm in model.get_nodes_by_op_type("BatchNormalization"):
        gamma = model.get_initializer(norm.input[1])
        model.set_initializer(norm.input[1], np.where(np.abs(gamma) < DEAD, 0, gamma).astype(np.float32))
    for node in unequal_joins(model):
        layers = layers_behind(model, node)
        if layers is not None:
            _make_positive(model, *layers)
            _split(model, node, layers[0])
    return model.transform(SortGraph()).transform(GiveUniqueNodeNames()).transform(InferShapes())


def _make_positive(model: ModelWrapper, layer: NodeProto, norm: NodeProto) -> None:
    quant = model.find_producer(layer.input[1])
    weights, gamma = model.get_initializer(quant.input[0]), model.get_initializer(norm.input[1])
    sign = np.where(gamma < 0, -1, 1).astype(np.float32)
    by_output = sign if layer.op_type == "MatMul" else sign.reshape(-1, *[1] * (weights.ndim - 1))
    model.set_initializer(quant.input[0], weights * by_output)
    model.set_initializer(norm.input[1], gamma * sign)
    model.set_initializer(norm.input[3], model.get_initializer(norm.input[3]) * sign)


def _split(model: ModelWrapper, node: NodeProto, layer: NodeProto) -> None:
    from onnx import helper

    graph, total = model.graph, layer.output[0]
    quant = model.find_producer(layer.input[1])
    parts = []
    latent_weights = branch_weights(model, node, layer, model.get_initializer(quant.input[0]))
    for number, (branch, values) in enumerate(zip(node.input, latent_weights, strict=True)):
        weights, part = deepcopy(quant), deepcopy(layer)
        latent = f"{quant.input[0]}_{number}"
        model.set_initializer(latent, values)
        weights.input[0], weights.output[0] = latent, f"{quant.output[0]}_{number}"
        part.input[0], part.input[1], part.output[0] = branch, weights.output[0], f"{total}_{number}"
        weights.name, part.name = f"{quant.name}_{number}", f"{layer.name}_{number}"
        graph.node.extend([weights, part])
        parts.append(part.output[0])
    for removed in (quant, layer, node):
        graph.node.remove(removed)
    graph.node.append(helper.make_node("Add", parts, [total], name=node.name))
