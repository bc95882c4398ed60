"""Move batch norms without a quantiser behind the layers that read them, so that these layers take integers.

The batch norm's map is put into the thresholds behind a depthwise convolution (`PixelThresholds`), and into the weights
of a dense layer in fixed point (`WideDense`); see `affine_tables`. The convolutions in front take levels without their
scale, so concatenated convolutions give plain integers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from finn_build.steps.affine_maps import AffineMaps, Behind
from finn_build.steps.affine_tables import Levels, Norm, dense_levels, depthwise_levels
from radioml.network.exact_qonnx import exact_constants, integer_weights
from radioml.network.integer_nodes import attributes

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

DOMAIN = "finn.custom_op.fpgadataflow"


def move_affine_maps(model: ModelWrapper) -> ModelWrapper:
    """Replace each reader of an affine map and its activation, and remove the batch norms in front of it."""
    from qonnx.transformation.general import GiveUniqueNodeNames, SortGraph
    from qonnx.transformation.infer_datatypes import InferDataTypes
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.transformation.remove import RemoveUnusedNodes

    found = AffineMaps(model).readers()
    constants = exact_constants(model.model)
    levels = [_levels(model, behind, constants) for behind in found]
    norms = {norm.output[0]: norm for behind in found for norm in behind.source.norms}
    for behind, table in zip(found, levels, strict=True):
        _give_levels(model, behind, table)
    for norm in norms.values():
        _remove(model, norm)
    for change in (RemoveUnusedNodes(), SortGraph(), GiveUniqueNodeNames(), InferShapes(), InferDataTypes()):
        model = model.transform(change)
    return model


def _levels(model: ModelWrapper, behind: Behind, constants: dict[str, np.ndarray]) -> Levels:
    """The table of the activation behind a layer."""
    batch_norm, quant = behind.activation.batch_norm, behind.activation.quant
    assert batch_norm is not None
    gamma, beta, mean, variance = (constants[name] for name in batch_norm.input[1:5])
    norm = Norm(gamma / np.sqrt(variance + attributes(batch_norm)["epsilon"]), mean, beta)
    steps = np.arange(1, 2 ** _bits(model, quant))
    scale = float(constants[quant.input[1]].item())
    if not behind.depthwise:
        return dense_levels(behind, norm, steps, scale)
    return depthwise_levels(behind, norm, steps, scale, model.get_tensor_shape(behind.layer.input[0])[2])


def _bits(model: ModelWrapper, quant: NodeProto) -> int:
    return int(model.get_initializer(quant.input[3]).item())


def _give_levels(model: ModelWrapper, behind: Behind, found: Levels) -> None:
    """Replace batch norm, ReLU and quantiser by thresholds and the quantiser's scale."""
    from onnx import helper
    from qonnx.core.datatype import DataType

    graph, layer, quant = model.graph, behind.layer, behind.activation.quant
    sums, levels = layer.output[0], f"{quant.output[0]}_levels"
    model.set_tensor_shape(levels, model.get_tensor_shape(quant.output[0]))
    source = behind.source
    kinds = {"sums": _kind(found.low, found.high), "inputs": _kind(source.low, source.high)}
    if behind.depthwise:
        _set_integers(model, layer, found.weights.reshape(len(found.weights), 1, -1))
        del layer.input[2:]  # the thresholds include the layer's bias
    else:
        flattened = model.find_producer(layer.input[0])
        dense = _node(
            model, "WideDense", layer.input[0] if flattened.op_type != "Flatten" else flattened.input[0], found.weights,
            sums, MH=found.weights.shape[0], MW=found.weights.shape[1], inputDataType=kinds["inputs"],
            weightDataType=_kind(found.weights, found.weights), outputDataType=kinds["sums"], doubt=found.doubt,
        )  # fmt: skip
        graph.node.append(dense)
        for node in (layer, flattened) if flattened.op_type == "Flatten" else (layer,):
            graph.node.remove(node)
    shape = model.get_tensor_shape(sums)
    thresholds = _node(
        model, "PixelThresholds", sums, found.table, levels, NumChannels=shape[1], numInputVectors=[1, *shape[2:]],
        first=found.first, last=found.last, inputDataType=kinds["sums"], outputDataType=f"UINT{_bits(model, quant)}",
    )  # fmt: skip
    graph.node.extend([thresholds, helper.make_node("Mul", [levels, quant.input[1]], quant.output)])
    relu = model.find_producer(quant.input[0])
    for node in (behind.activation.batch_norm, relu, quant):
        graph.node.remove(node)
    model.set_tensor_datatype(quant.output[0], DataType["FLOAT32"])


def _node(model: ModelWrapper, kind: str, source: str, table: np.ndarray, output: str, **given: Any) -> NodeProto:
    from onnx import helper

    constant = f"{output}_{kind}"
    model.set_initializer(constant, table)
    return helper.make_node(kind, [source, constant], [output], domain=DOMAIN, backend="fpgadataflow", **given)


def _kind(low: np.ndarray, high: np.ndarray) -> str:
    """The type of signed integers between bounds."""
    return f"INT{int(max(high.max(), ~low.min())).bit_length() + 1}"


def _remove(model: ModelWrapper, norm: NodeProto) -> None:
    """Give the readers of a batch norm the integer sums of the convolution in front of it."""
    convolution = model.find_producer(norm.input[0])
    quant = model.find_producer(convolution.input[1])
    constants = {name: model.get_initializer(name) for name in quant.input}
    negative = model.get_initializer(norm.input[1]) < 0
    weights = integer_weights(quant, constants)
    sign = np.where(negative, -1, 1).reshape(-1, *[1] * (weights.ndim - 1))
    _set_integers(model, convolution, weights * sign)
    _take_integers(model, convolution)
    del convolution.input[2:]
    for reader in model.find_consumers(norm.output[0]):
        reader.input[list(reader.input).index(norm.output[0])] = convolution.output[0]
    model.graph.node.remove(norm)


def _set_integers(model: ModelWrapper, layer: NodeProto, weights: np.ndarray) -> None:
    """Give a layer integers as weights, with the scale 1."""
    quant = model.find_producer(layer.input[1])
    for index, value in ((0, weights), (1, np.ones(()))):
        name = f"{layer.output[0]}_{('integers', 'one')[index]}"
        model.set_initializer(name, value.astype(np.float32))
        quant.input[index] = name


def _take_integers(model: ModelWrapper, layer: NodeProto) -> None:
    """Let a layer read integers: those in front of the scale of the input or of thresholds, or a quantiser's levels.

    Behind a quantiser a division by its scale gives the levels. `cancel_scales` removes scale and division after FINN
    has turned the quantiser into thresholds.
    """
    from onnx import helper

    before = model.find_producer(layer.input[0])
    if before.op_type == "Quant":
        levels = f"{before.output[0]}_levels_of_{layer.output[0]}"
        model.set_tensor_shape(levels, model.get_tensor_shape(before.output[0]))
        model.graph.node.append(helper.make_node("Div", [before.output[0], before.input[1]], [levels]))
        layer.input[0] = levels
        return
    layer.input[0] = before.input[0]
    if not model.find_consumers(before.output[0]):
        model.graph.node.remove(before)


def cancel_scales(model: ModelWrapper) -> ModelWrapper:
    """Remove each multiplication by a number with the division by the same number behind it."""
    for division in model.get_nodes_by_op_type("Div"):
        product, divisor = model.find_producer(division.input[0]), model.get_initializer(division.input[1])
        if product is None or product.op_type != "Mul" or divisor is None:
            continue
        if np.array_equal(model.get_initializer(product.input[1]), divisor):
            for reader in model.find_consumers(division.output[0]):
                reader.input[list(reader.input).index(division.output[0])] = product.input[0]
            model.graph.node.remove(division)
            if not model.find_consumers(product.output[0]):
                model.graph.node.remove(product)
    return model
