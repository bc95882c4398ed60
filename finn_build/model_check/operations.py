"""What the build can make of each ONNX operation: one table, with the rules for an estimate and for RTL.

RTL means FINN 1.6.1's RTL layers and those of `rtl_layers`. A new RTL layer that makes a further operation possible
changes the operation's row in the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from finn_build.graph.integer_scales import integer_scales
from finn_build.model_check.joins import concat_rule, product_rule, rtl_sum_rule, sum_rule
from finn_build.model_check.place import Place, Rule
from finn_build.steps.activations import FUNCTIONS
from finn_build.steps.affine_maps import AffineMaps
from finn_build.steps.biases import norm_behind
from finn_build.steps.cut_input import DATA_MOVEMENT

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

_WEIGHT_BITS = range(2, 9)


@dataclass(frozen=True)
class Operation:
    """The rules of an operation.

    estimate: what keeps FINN from making a layer of a node.
    rtl: what else keeps the layer from being RTL.
    """

    estimate: Rule
    rtl: Rule


def weight_quantiser(model: ModelWrapper, tensor: str) -> NodeProto | None:
    """The Quant that makes a weight, found through transposes and reshapes."""
    while (producer := model.find_producer(tensor)) is not None:
        if producer.op_type == "Quant":
            return producer
        tensor = producer.input[0]
    return None


def _fine(place: Place) -> str:
    return ""


def _one_signal(place: Place) -> str:
    return "takes two activations, and FINN has a layer for one alone" if place.joins else ""


def _flatten(place: Place) -> str:
    model, node = place.model, place.node
    after = model.find_consumers(node.output[0]) or []
    if all(other.op_type in ("MatMul", "Gemm") for other in after) or _pixels(model, node) == 1:
        return ""
    names = ", ".join(f"{other.op_type} {other.name}" for other in after)
    return f"FINN flattens only in front of a linear layer, here {names} follows; quantise in front of Flatten"


def _pixels(model: ModelWrapper, node: NodeProto) -> int:
    """Pixels of what goes into a node."""
    return int(np.prod(model.get_tensor_shape(node.input[0])[2:]))


def _weighted(place: Place) -> str:
    if place.joins:
        return _one_signal(place)
    if weight_quantiser(place.model, place.node.input[1]) is None:
        return "its weights are not quantised; use a Brevitas layer with a weight quantiser"
    if integer_scales(place.model, place.node.input[0]).lost_at and not AffineMaps(place.model).reads(place.node):
        return (
            "its input is not quantised: behind a batch norm each channel has its own scale and offset; put a "
            "quantiser (QuantIdentity) in front of it. The build needs none between a quantised convolution and a "
            "depthwise convolution, or a linear layer behind a maximum over time, that has batch norm, ReLU and "
            "quantiser behind it"
        )
    return ""


def _rtl_constant(place: Place) -> str:
    return "" if place.joins else "no RTL implementation; give the constant to the batch norm behind it"


def _rtl_weighted(place: Place) -> str:
    from qonnx.custom_op.registry import getCustomOp
    from qonnx.util.basic import get_by_name

    model, node = place.model, place.node
    group = get_by_name(node.attribute, "group")
    if group is not None and group.i != 1 and group.i != model.get_tensor_shape(node.output[0])[1]:
        return (
            "a grouped convolution; RTL exists for dense ones, and for depthwise ones with as many output channels as "
            "groups"
        )
    last = node.output[0] == model.graph.output[0].name
    if len(node.input) > 2 and not last and norm_behind(model, node) is None:
        return "it has a bias, for which the last layer alone has RTL; give it none (bias=False), or a batch norm"
    quant = weight_quantiser(model, node.input[1])
    if quant is None:
        return "its weights are not quantised"
    operator = getCustomOp(quant)
    bits = model.get_initializer(quant.input[3])
    if not operator.get_nodeattr("signed") or not operator.get_nodeattr("narrow"):
        return "its weights are not signed and symmetric; give its weight quantiser signed = True, narrow_range = True"
    if bits is None or int(bits.item()) not in _WEIGHT_BITS:
        found = "an unknown number of" if bits is None else f"{bits.item():g}"
        return f"its weights have {found} bits; the RTL multiplier takes {_WEIGHT_BITS[0]} to {_WEIGHT_BITS[-1]}"
    return ""


def _rtl_pool(place: Place) -> str:
    """FINN gives a pool the windows of its convolution input generator, which are whole."""
    given = {attribute.name: list(attribute.ints) or attribute.i for attribute in place.node.attribute}
    kernel = given["kernel_shape"]
    apart = any(step > size for step, size in zip(given.get("strides", [1] * len(kernel)), kernel, strict=True))
    dilated = any(step != 1 for step in given.get("dilations", []))
    if apart or dilated or any(given.get("pads", [])) or given.get("ceil_mode"):
        return (
            "its windows are padded, dilated or apart; RTL exists for whole windows of pixels beside each other: no "
            "padding, dilation or ceil_mode, a stride of at most the kernel's size"
        )
    return ""


def _average(place: Place) -> str:
    given = {attribute.name: attribute for attribute in place.node.attribute}
    if given.get("kernel_shape") is not None and (problem := _rtl_pool(place)):
        return problem
    if integer_scales(place.model, place.node.input[0]).lost_at:
        return "averages what is not quantised; put a quantiser (QuantIdentity) in front of it"
    return ""


OPERATIONS = {
    "Quant": Operation(_one_signal, _fine),
    "Conv": Operation(_weighted, _rtl_weighted),
    "MatMul": Operation(_weighted, _rtl_weighted),
    "Gemm": Operation(_weighted, _rtl_weighted),
    "BatchNormalization": Operation(_one_signal, _fine),
    "Relu": Operation(_one_signal, _fine),
    "MaxPool": Operation(_one_signal, _rtl_pool),
    "AveragePool": Operation(_average, _fine),
    "GlobalAveragePool": Operation(_average, _fine),
    "Flatten": Operation(_flatten, _fine),
    "Concat": Operation(concat_rule, _fine),
    "Add": Operation(sum_rule, rtl_sum_rule),
    "Sub": Operation(sum_rule, rtl_sum_rule),
    "Mul": Operation(product_rule, _rtl_constant),
    "Div": Operation(_one_signal, _rtl_constant),
    **dict.fromkeys(DATA_MOVEMENT, Operation(_fine, _fine)),
}
"""Operations that become layers. Others may occur in statistics of a frame (`statistics_unit`) only."""
_LINEAR = "use a linear layer on the flattened features"
_ADVICE = {
    "ReduceMean": _LINEAR,
    **dict.fromkeys(FUNCTIONS, "put quantisers (QuantIdentity) in front of the function and behind it"),
}
"""What to use instead of other operations."""


def operation(kind: str) -> Operation:
    """The rules of an ONNX operation; for an unknown operation they say what to use instead."""
    if kind in OPERATIONS:
        return OPERATIONS[kind]
    advice = _ADVICE.get(kind, f"use layers of {', '.join(OPERATIONS)}")
    return Operation(lambda place: f"FINN has no layer for this operation; {advice}", _fine)
