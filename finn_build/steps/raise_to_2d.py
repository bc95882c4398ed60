"""Turn 1-D layers into 2-D layers, which FINN has, and long pools into short ones, which stream faster."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from finn_build.steps.cut_statistics import KIND as STATISTICS

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

_DIMENSIONS = 3
"""Dimensions of a tensor with channels and pixels."""
_COMBINES = ("Mul", "Conv", "Add", "Div", "Reshape")
"""Operations whose constants may have as many dimensions."""


def raise_to_2d(model: ModelWrapper) -> ModelWrapper:
    """Turn (1, channels, pixels) into (1, channels, pixels, 1), and each long pool into two short ones.

    While FINN's input generator (swg_template_default.sv) gives out the last pixels of a window, it takes no pixel of
    the next. So a pool over k of p pixels takes p + (k - 1)^2 cycles at least
    (`ConvolutionInputGenerator_rtl.get_exp_cycles`). The maximum over 128 pixels takes 16,257 cycles; as a maximum over
    8 pixels and one over 16 it takes 177 and 241, and the result is the same.
    """
    from qonnx.transformation.general import GiveUniqueNodeNames
    from qonnx.transformation.infer_shapes import InferShapes

    _raise_tensors(model)
    for node in model.graph.node:
        _raise_attributes(node)
    model = model.transform(InferShapes())
    for pool in model.get_nodes_by_op_type("MaxPool"):
        window, other = _attribute(pool, "kernel_shape")
        pixels = model.get_tensor_shape(pool.input[0])[2]
        short = max(factor for factor in range(1, int(window**0.5) + 1) if window % factor == 0)
        apart = list(_attribute(pool, "strides")) == [window, other] == [window, 1]
        if short > 1 and apart and not any(_attribute(pool, "pads")) and (window - 1) ** 2 > pixels:
            _split(model, pool, short)
    return model.transform(InferShapes()).transform(GiveUniqueNodeNames())


def _raise_tensors(model: ModelWrapper) -> None:
    """Give every tensor with channels and pixels, and every constant that is combined with one, a last dimension of 1.

    qonnx's Change3DTo4DTensors leaves a graph with a concatenation as it is.
    """
    graph, constants = model.graph, {tensor.name for tensor in model.graph.initializer}
    for info in (*graph.input, *graph.value_info, *graph.output):
        if info.name not in constants and len(shape := model.get_tensor_shape(info.name)) == _DIMENSIONS:
            model.set_tensor_shape(info.name, [*shape, 1])
    for tensor in [tensor for tensor in graph.initializer if len(tensor.dims) == _DIMENSIONS]:
        if any(node.op_type in _COMBINES for node in model.find_consumers(tensor.name)):
            model.set_initializer(tensor.name, model.get_initializer(tensor.name)[..., None])


def _raise_attributes(node: NodeProto) -> None:
    given = {attribute.name: attribute.ints for attribute in node.attribute}
    if node.op_type == "Transpose" and len(given["perm"]) == _DIMENSIONS:
        given["perm"].append(_DIMENSIONS)
    if node.op_type == STATISTICS:
        given["shape"].append(1)
    if len(given.get("kernel_shape", [])) != 1:
        return
    for name in ("kernel_shape", "strides", "dilations"):
        if name in given:
            given[name].append(1)
    if "pads" in given:
        given["pads"][:] = [given["pads"][0], 0, given["pads"][1], 0]


def mend_layouts(model: ModelWrapper) -> ModelWrapper:
    """Set the layout of thresholds of 2-D tensors behind a sum to NCHW: FINN takes these tensors for 1-D."""
    from qonnx.custom_op.registry import getCustomOp

    for node in model.get_nodes_by_op_type("MultiThreshold"):
        operator = getCustomOp(node)
        if len(operator.get_nodeattr("data_layout")) == 3 and len(model.get_tensor_shape(node.input[0])) == 4:
            operator.set_nodeattr("data_layout", "NCHW")
    return model


def _split(model: ModelWrapper, pool: NodeProto, short: int) -> None:
    """Put a pool over `short` pixels in front of `pool`, whose window is shortened accordingly."""
    first, between = deepcopy(pool), model.make_new_valueinfo_name()
    shape = list(model.get_tensor_shape(pool.input[0]))
    shape[2] //= short
    model.set_tensor_shape(between, shape)
    first.output[0] = pool.input[0] = between
    for name in ("kernel_shape", "strides"):
        remaining = _attribute(pool, name)[0] // short
        _attribute(first, name)[0], _attribute(pool, name)[0] = short, remaining
    model.graph.node.insert(list(model.graph.node).index(pool), first)


def _attribute(node: NodeProto, name: str) -> list[int]:
    """A node's list of integers, which can be changed in place."""
    return next(attribute.ints for attribute in node.attribute if attribute.name == name)
