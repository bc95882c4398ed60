"""What keeps a QONNX network from being built, said layer by layer before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finn_build.integer_scales import origin
from finn_build.model_check.rtl_support import rtl_problems, weight_quantiser
from finn_build.steps.cut_input import DATA_MOVEMENT, cut_input
from finn_build.steps.residual_sums import sums
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

    from radioml.contract.metadata import ModelMetadata

_LAYERS = ("Quant", "Conv", "BatchNormalization", "Relu", "MaxPool", "Flatten", "MatMul", "Gemm", "Add", "Mul", "Div",
           *DATA_MOVEMENT)  # fmt: skip
"""Operations that survive on the way to FINN's layers: `Change3DTo4DTensors`, which makes FINN's 2-D layers of 1-D
ones, leaves the whole graph as it is when it meets another."""
_WEIGHTED = ("Conv", "MatMul", "Gemm")
_ADVICE = {
    "AveragePool": "use MaxPool or a convolution with stride",
    "GlobalAveragePool": "use a linear layer on the flattened features",
    "ReduceMean": "use a linear layer on the flattened features",
    "Concat": "let one layer compute all channels",
    "Sub": "put the constant into the batch norm behind it",
}


def problems(model: ModelWrapper, metadata: ModelMetadata, until: str) -> dict[str, str]:
    """Layer -> what is wrong with it and what to change, for a build `until` "estimate", or further with RTL."""
    found = _graph_problems(model)
    if until != "estimate":
        found = rtl_problems(model) | found
    if not found:
        try:
            cut_input(model, metadata.quantiser)
        except RadioMLError as error:
            found["input"] = str(error)
    return found


def remark(model: ModelWrapper) -> str:
    """What is to be known of a model without `problems` that may have them with other weights; "" if there is none."""
    joined = [origin(model, node.output[0]).scales for node in sums(model)]
    if any(len(scales) > 1 for scales in joined):
        return (
            "its residual sums add activations of one scale, as untrained ones are; trained, they can be built only "
            "where both branches of a sum share one quantiser"
        )
    return ""


def check_model(model: ModelWrapper, metadata: ModelMetadata, until: str) -> None:
    """Raise RadioMLError with one line for each of the model's `problems` and all layers that have it."""
    if found := problems(model, metadata, until):
        alike: dict[str, list[str]] = {}
        for name, problem in found.items():
            alike.setdefault(problem, []).append(name)
        lines = [
            f"{first}: {problem}" + (f" (the same with {', '.join(others)})" if others else "")
            for problem, (first, *others) in alike.items()
        ]
        only_rtl = until != "estimate" and not problems(model, metadata, "estimate")
        hint = " (up to 'estimate' it can)" if only_rtl else ""
        raise RadioMLError("\n  ".join([f"this network cannot be built up to {until!r}{hint}:", *lines]))


def _graph_problems(model: ModelWrapper) -> dict[str, str]:
    """What FINN's steps up to the estimate would stumble over."""
    signals = {model.graph.input[0].name}
    found: dict[str, str] = {}
    first = True
    for node in model.graph.node:
        sources = [name for name in node.input if name in signals]
        if not sources:
            continue
        signals.update(node.output)
        problem = _problem(model, node, sources)
        if first and not problem and node.op_type not in ("Quant", *DATA_MOVEMENT):
            first = False
            if node.op_type != "Conv":
                problem = "the first layer is no convolution, which is all that FINN is fed with here"
        if problem:
            found[f"{node.op_type} {node.name}"] = problem
    last = model.find_producer(model.graph.output[0].name)
    if last is not None and last.op_type in ("MatMul", "Gemm") and not found:
        quant = weight_quantiser(model, last.input[1])
        scale = model.get_initializer(quant.input[1]) if quant is not None else None
        if scale is not None and np.size(scale) != 1:
            found[f"{last.op_type} {last.name}"] = (
                "the classifier has a weight scale for each class, so its integers cannot be compared between classes; "
                "use one weight scale for the whole layer"
            )
    return found


def _problem(model: ModelWrapper, node: NodeProto, sources: list[str]) -> str:
    if node.op_type not in _LAYERS:
        advice = _ADVICE.get(node.op_type, "use layers of " + ", ".join(_LAYERS))
        return f"FINN's way to hardware does not know it; {advice}"
    if len(sources) > 1 and node.op_type != "Add":
        return "multiplies two activations; there is no layer for that, square a single one in an activation instead"
    if len(sources) > 1:
        return _sum_problem(model, node)
    after = model.find_consumers(node.output[0]) or []
    only_linear = all(other.op_type in ("MatMul", "Gemm") for other in after)
    if node.op_type == "Flatten" and not only_linear and _pixels(model, node) > 1:
        names = ", ".join(f"{other.op_type} {other.name}" for other in after)
        return f"FINN flattens only in front of a linear layer, here {names} follows; quantise in front of Flatten"
    if node.op_type in _WEIGHTED and weight_quantiser(model, node.input[1]) is None:
        return "its weights are not quantised; use a Brevitas layer with a weight quantiser"
    if node.op_type in _WEIGHTED and origin(model, node.input[0]).lost_at:
        return (
            "its input is not quantised: behind a batch norm each channel has its own scale and offset, there are no "
            "integers to multiply; put a quantiser (QuantIdentity) in front of it"
        )
    return ""


def _sum_problem(model: ModelWrapper, node: NodeProto) -> str:
    """What is wrong with a residual sum."""
    addends = [model.find_producer(name) for name in node.input]
    if not all(addend is not None and addend.op_type in ("Quant", "Add") for addend in addends):
        return (
            "adds activations that are not quantised right in front of it; FINN adds integers: quantise both branches, "
            "with one scale"
        )
    numbers = origin(model, node.output[0])
    if len(set(numbers.scales.values())) > 1:
        scales = ", ".join(f"{scale:.6g} ({name})" for name, scale in numbers.scales.items())
        return (
            f"a residual sum of integers that count in steps of {scales}; FINN adds integers, so both must have one "
            "scale: use one quantiser for both branches (in Brevitas, the same module)"
        )
    return ""


def _pixels(model: ModelWrapper, node: NodeProto) -> int:
    """Pixels of what goes into a node."""
    return int(np.prod(model.get_tensor_shape(node.input[0])[2:]))
