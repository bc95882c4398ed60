"""Leave the layout change at the input and the scale of the logits at the output to the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finn_build.steps.cut_statistics import KIND as STATISTICS
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


def cut_host_ends(model: ModelWrapper, logit_scale: float) -> ModelWrapper:
    """Remove the streamlined graph's leading NCHW-to-NHWC transposes and its last multiplications.

    Left in the graph, both would become layers that need Vitis HLS. The stream is already channels-last (`cut_input`
    has checked the order), so the transpose moves nothing.

    Raises RadioMLError where the product of the multiplications is not `logit_scale`: the integer logits would have
    another scale than the network's.
    """
    _cut_transpose(model)
    _put_bias_before_scale(model)
    scale = 1.0
    while (last := model.find_producer(model.graph.output[0].name)).op_type == "Mul":
        factor = model.get_initializer(last.input[1])
        if factor is None or factor.size != 1:
            raise RadioMLError(
                f"{last.name}: the logits have a scale for each class; use one weight scale for the layer"
            )
        scale *= float(factor.item())
        _end_at(model, last)
    if not np.isclose(scale, logit_scale, rtol=1e-5, atol=0):
        raise RadioMLError(
            f"the model's logits are integers x {scale:g}, its metadata says x {logit_scale:g}; "
            "export the checkpoint again with `radioml export`"
        )
    return model


def _cut_transpose(model: ModelWrapper) -> None:
    """Remove the transposes of the input. Statistics beside them take a frame in any order of its dimensions."""
    from onnx import TensorProto, helper

    graph = model.graph
    old = graph.input[0].name
    readers = model.find_consumers(old)
    transposes = [node for node in readers if node.op_type == "Transpose"]
    others = [node for node in readers if node.op_type != "Transpose"]
    layers = [f"{node.op_type} {node.name}" for node in others if node.op_type != STATISTICS or not transposes]
    if layers:
        raise RadioMLError(
            f"{', '.join(layers)}: this layer reads the input; the build needs a convolution in FINN's form there"
        )
    new = transposes[0].output[0]
    shape, datatype = model.get_tensor_shape(new), model.get_tensor_datatype(old)
    for node in transposes:
        _forget(model, node.output[0])
        for reader in model.find_consumers(node.output[0]):
            reader.input[0] = new
        graph.node.remove(node)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(new, TensorProto.FLOAT, shape))
    model.set_tensor_datatype(new, datatype)
    for node in others:
        node.input[0] = new


def _put_bias_before_scale(model: ModelWrapper) -> None:
    """Turn `integers x scale + bias` at the output into `(integers + bias / scale) x scale`."""
    from qonnx.core.datatype import DataType

    add = model.find_producer(model.graph.output[0].name)
    mul = model.find_producer(add.input[0])
    if add.op_type != "Add" or mul is None or mul.op_type != "Mul":
        return
    scale, bias = model.get_initializer(mul.input[1]), model.get_initializer(add.input[1])
    if scale is None or scale.size != 1 or bias is None:
        return
    steps = bias / scale
    integers = np.rint(steps)
    if not np.allclose(steps, integers, rtol=1e-6, atol=1e-3):
        raise RadioMLError(f"{add.name}: the classifier's bias is not a multiple of the logits' scale {scale.item():g}")
    model.set_initializer(add.input[1], integers.astype(np.float32))
    model.set_tensor_datatype(add.input[1], DataType["INT32"])
    add.input[0], mul.input[0] = mul.input[0], mul.output[0]
    add.output[0], mul.output[0] = mul.input[0], add.output[0]
    model.set_tensor_datatype(add.output[0], DataType["INT32"])
    model.graph.node.remove(mul)
    model.graph.node.append(mul)


def _end_at(model: ModelWrapper, last: NodeProto) -> None:
    from onnx import TensorProto, helper

    graph = model.graph
    name = last.input[0]
    shape, datatype = model.get_tensor_shape(name), model.get_tensor_datatype(name)
    graph.node.remove(last)
    _forget(model, name)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    model.set_tensor_datatype(name, datatype)


def _forget(model: ModelWrapper, name: str) -> None:
    """Remove a tensor's description as an inner tensor; inputs and outputs are described elsewhere."""
    for info in [info for info in model.graph.value_info if info.name == name]:
        model.graph.value_info.remove(info)
