"""Which networks become RTL alone, and which layer of another one is the problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finn_build.steps.cut_input import DATA_MOVEMENT
from finn_build.steps.exact_thresholds import activations
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

_LAYERS = ("Quant", "Conv", "BatchNormalization", "Relu", "MaxPool", "Flatten", "MatMul", "Gemm", *DATA_MOVEMENT)
_WEIGHTED = ("Conv", "MatMul", "Gemm")
_WEIGHT_BITS = range(2, 9)
_ADVICE = {
    "AveragePool": "use MaxPool or a convolution with stride, or a linear layer on the flattened features",
    "GlobalAveragePool": "use a linear layer on the flattened features",
    "ReduceMean": "use a linear layer on the flattened features",
    "Add": "sums of activations need Vitis HLS; give a constant to the batch norm, or as its bias to the classifier",
}


def rtl_problems(model: ModelWrapper) -> dict[str, str]:
    """Layer of a QONNX model that has no RTL, neither in FINN 1.6.1 nor in `rtl_layers` -> why, and what to change.

    RTL exists for a chain (no forks) of dense convolutions, linear layers and unsigned or signed quantised
    activations, with signed, symmetric (narrow range) weights of 2 to 8 bits, for maxima over windows of such
    activations, and for the bias of the last layer.
    """
    signals = {model.graph.input[0].name}
    problems = {}
    for node in model.graph.node:
        sources = [name for name in node.input if name in signals]
        if not sources:
            continue
        signals.update(node.output)
        if problem := _problem(model, node, sources):
            problems[f"{node.op_type} {node.name}"] = problem
    if not problems and not all(activations(model)):
        problems["activations"] = "each needs convolution or linear layer, batch norm, ReLU, quantiser, in this order"
    return problems


def check_all_rtl(model: ModelWrapper) -> None:
    """Raise RadioMLError naming the layers of FINN's graph that would need Vitis HLS."""
    others = [f"{node.op_type} {node.name}" for node in model.graph.node if not node.op_type.endswith("_rtl")]
    if others:
        raise RadioMLError(f"there is no RTL for {', '.join(others)}; they would need Vitis HLS")


def _problem(model: ModelWrapper, node: NodeProto, sources: list[str]) -> str:
    from qonnx.custom_op.registry import getCustomOp
    from qonnx.util.basic import get_by_name

    if len(sources) > 1:
        return "joins two branches; only chains of layers have RTL"
    if node.op_type not in _LAYERS:
        return "no RTL implementation; " + _ADVICE.get(node.op_type, f"RTL exists for {', '.join(_LAYERS)}")
    if len(model.find_consumers(node.output[0]) or []) > 1:
        return "its output forks; only chains of layers have RTL"
    if node.op_type == "MaxPool":
        return _pool_problem(node)
    if node.op_type not in _WEIGHTED:
        return ""
    group = get_by_name(node.attribute, "group")
    if group is not None and group.i != 1:
        return "grouped or depthwise convolution; RTL exists for dense ones"
    if len(node.input) > 2 and node.output[0] != model.graph.output[0].name:
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


def _pool_problem(node: NodeProto) -> str:
    """FINN gives a pool the windows of its convolution input generator, which are whole."""
    given = {attribute.name: list(attribute.ints) or attribute.i for attribute in node.attribute}
    kernel = given["kernel_shape"]
    apart = any(step > size for step, size in zip(given.get("strides", [1] * len(kernel)), kernel, strict=True))
    dilated = any(step != 1 for step in given.get("dilations", []))
    if apart or dilated or any(given.get("pads", [])) or given.get("ceil_mode"):
        return (
            "its windows are padded, dilated or apart; RTL exists for whole windows of pixels beside each other: no "
            "padding, dilation or ceil_mode, a stride of at most the kernel's size"
        )
    return ""


def weight_quantiser(model: ModelWrapper, tensor: str) -> NodeProto | None:
    """The Quant that makes a weight, found through transposes and reshapes."""
    while (producer := model.find_producer(tensor)) is not None:
        if producer.op_type == "Quant":
            return producer
        tensor = producer.input[0]
    return None
