"""What the build can make of each ONNX operation: one table, with the rules for an estimate and for RTL.

RTL means FINN 1.6.1's RTL layers and those of `rtl_layers`. A new RTL layer that makes a further operation possible
changes the operation's row in the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from finn_build.integer_scales import integer_scales, is_product, quantiser_before
from finn_build.steps.activations import FUNCTIONS, activations
from finn_build.steps.affine_maps import AffineMaps
from finn_build.steps.biases import norm_behind
from finn_build.steps.cut_input import DATA_MOVEMENT
from finn_build.steps.split_sums import layers_behind
from radioml.network.integer_nodes import attributes

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


@dataclass(frozen=True)
class Place:
    """A node in its network; sources: those of its inputs that depend on the network's input."""

    model: ModelWrapper
    node: NodeProto
    sources: tuple[str, ...]

    @property
    def joins(self) -> bool:
        """Whether the node joins branches of the network."""
        return len(self.sources) > 1


Rule = Callable[[Place], str]
"""Says what is wrong with a node of an operation and what to change; "" where nothing is wrong."""
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


def _product(place: Place) -> str:
    if not place.joins:
        return ""
    model, node = place.model, place.node
    if not is_product(model, node):
        return (
            "multiplies activations that are not both quantised right in front of it, or one by itself without a "
            "quantiser behind; quantise both factors, or the function of one (QuantIdentity)"
        )
    if problem := _shapes(place):
        return problem
    quantised = [found for found in activations(model) if found is not None and found.source == node.output[0]]
    inside = {made.output[0] for found in quantised for made in (*found.nodes, found.quant)}
    if all(reader.output[0] in inside for reader in model.find_consumers(node.output[0])):
        return ""
    return "its product is not quantised; put a quantiser (QuantIdentity) behind it"


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
            "its input is not quantised: behind a batch norm each channel has its own scale and offset, and integers "
            "remain only between a quantised convolution and a depthwise convolution, or a linear layer behind a "
            "maximum over time, with batch norm, ReLU and quantiser behind it; put a quantiser (QuantIdentity) in "
            "front of it"
        )
    return ""


def _sum(place: Place) -> str:
    if not place.joins:
        return ""
    model, node = place.model, place.node
    addends = [model.find_producer(name) for name in node.input]
    if not all(addend is not None and addend.op_type in ("Quant", "Add", "Sub") for addend in addends):
        return (
            "adds activations that are not quantised right in front of it; FINN adds integers: quantise both branches, "
            "with one scale"
        )
    if problem := _shapes(place):
        return problem
    return _one_step(place, "adds", integer_scales(model, node.output[0]).scales)


def _one_step(place: Place, verb: str, scales: dict[str, float]) -> str:
    """What is wrong with a join whose integers count in different steps; "" where the build can make them one."""
    if len(set(scales.values())) < 2 or not (problem := _unequal(place, len(scales))):
        return ""
    steps = ", ".join(f"{scale:.6g} ({name})" for name, scale in scales.items())
    return (
        f"{verb} integers that count in steps of {steps}; {problem}: use one quantiser for both branches (in Brevitas, "
        "the same module)"
    )


def _shapes(place: Place, same: str = "strides, padding and channels") -> str:
    """same: what branches of one shape have in common; without channels these may differ."""
    shapes = [place.model.get_tensor_shape(name) for name in place.sources]
    alike = [shape if "channels" in same else shape[2:] for shape in shapes]
    if all(shape == alike[0] for shape in alike):
        return ""
    sizes = " and ".join(" x ".join(map(str, shape)) for shape in shapes)
    return f"joins branches of different shapes, {sizes}; give both branches the same {same}"


def _concat(place: Place) -> str:
    if len(place.sources) < len(place.node.input):
        return "puts constants beside activations; leave them out, the layer behind can have a bias instead"
    if attributes(place.node).get("axis") != 1:
        return "joins branches along another axis than their channels; FINN knows channels alone"
    if problem := _shapes(place, "strides and padding"):
        return problem
    found = integer_scales(place.model, place.node.output[0])
    return "" if found.lost_at else _one_step(place, "joins", found.scales)  # else the layer behind has the problem


def _unequal(place: Place, scales: int) -> str:
    """Why a sum of branches with different scales cannot be pushed behind the layer that reads it; "" where it can."""
    model, node = place.model, place.node
    if scales > 2 or any(quantiser_before(model, name) is None for name in node.input):
        return "such a join of more than two branches has no exact integers"
    readers = model.find_consumers(node.output[0]) or []
    if len(readers) > 1:
        return f"{len(readers)} layers read the result, so it cannot be pushed behind one"
    if layers_behind(model, node) is None:
        behind = ", ".join(f"{reader.op_type} {reader.name}" for reader in readers)
        layers = "convolution or linear layer" if node.op_type == "Concat" else "convolution"
        return f"only in front of a {layers} with a batch norm this is exact, and {behind} reads it"
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


def _rtl_sum(place: Place) -> str:
    if place.joins:
        return ""
    return "no RTL implementation; give the constant to the batch norm behind it, or as its bias to the classifier"


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
    "Concat": Operation(_concat, _fine),
    "Add": Operation(_sum, _rtl_sum),
    "Sub": Operation(_sum, _rtl_sum),
    "Mul": Operation(_product, _rtl_constant),
    "Div": Operation(_one_signal, _rtl_constant),
    **dict.fromkeys(DATA_MOVEMENT, Operation(_fine, _fine)),
}
"""Operations that become layers. Others may occur in statistics of a frame (`statistics_unit`) only."""
_LINEAR = "use a linear layer on the flattened features"
_ADVICE = {
    "ReduceMean": _LINEAR,
    **dict.fromkeys(FUNCTIONS, "put quantisers (QuantIdentity) in front of the function and behind it"),
}
"""What to use in the place of other operations."""


def operation(kind: str) -> Operation:
    """The rules of an ONNX operation; of an unknown one they say what to use in its place."""
    if kind in OPERATIONS:
        return OPERATIONS[kind]
    advice = _ADVICE.get(kind, f"use layers of {', '.join(OPERATIONS)}")
    return Operation(lambda place: f"FINN's way to hardware does not know it; {advice}", _fine)
