"""What keeps a QONNX network from being built, layer by layer, before anything is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from finn_build.graph.integer_scales import integer_scales
from finn_build.model_check.operations import operation, weight_quantiser
from finn_build.model_check.place import Place
from finn_build.statistics_unit.part import statistics_part
from finn_build.steps.activations import activation_quantisers, activations, in_front
from finn_build.steps.cut_input import DATA_MOVEMENT, cut_input
from finn_build.steps.fuse_activations import problem
from finn_build.steps.integer_functions import IntegerFunctions
from finn_build.steps.residual_sums import sums
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

    from finn_build.steps.activations import Activation
    from radioml.contract.metadata import ModelMetadata

Problems = dict[str, str]
"""Layer -> what is wrong with it and what to change."""


@dataclass(frozen=True)
class Findings:
    """What is wrong with a network.

    estimate: what keeps it from an estimate, and so from everything.
    rtl: what else keeps it from RTL.
    """

    estimate: Problems
    rtl: Problems

    def problems(self, until: str) -> Problems:
        """The problems of a build `until` "estimate", or further with RTL."""
        return self.estimate if until == "estimate" else self.rtl | self.estimate


def examine(model: ModelWrapper, metadata: ModelMetadata) -> Findings:
    """Examine a network and how its input fits the metadata."""
    found = examine_graph(model)
    if not found.estimate:
        try:
            cut_input(model, metadata.quantiser)
        except RadioMLError as error:
            found.estimate["input"] = str(error)
    return found


def examine_graph(model: ModelWrapper) -> Findings:
    """Apply the rules of its operation to each node that depends on the network's input.

    Nodes of a statistics unit are checked by the unit's own reader. Functions that become thresholds or tables are
    checked by the steps that make these.
    """
    signals = {model.graph.input[0].name}
    found = Findings({}, {})
    part = statistics_part(model.model)
    if part:
        try:
            part.unit()
        except RadioMLError as error:
            found.estimate["statistics"] = str(error)
    fused = [found for found in activations(model) if found is not None and not found.known_to_finn]
    inside = {*(part.nodes if part else ()), *(node.output[0] for function in fused for node in function.nodes)}
    first = True
    for node in model.graph.node:
        sources = tuple(name for name in node.input if name in signals)
        if not sources:
            continue
        signals.update(node.output)
        if node.output[0] in inside:
            continue
        rules, place, name = operation(node.op_type), Place(model, node, sources), f"{node.op_type} {node.name}"
        wrong = rules.estimate(place)
        if first and not wrong and node.op_type not in ("Quant", *DATA_MOVEMENT):
            first = False
            if node.op_type not in ("Conv", "AveragePool"):
                wrong = "the first layer must be a convolution or an average pool"
        if wrong:
            found.estimate[name] = wrong
        if wrong := rules.rtl(place):
            found.rtl[name] = wrong
    if not found.estimate:
        found.estimate.update(_classifier_problem(model))
    if not found.estimate:
        found.estimate.update(_function_problems(model, fused))
    if not found.estimate and not found.rtl:
        found.rtl.update(_quantiser_problems(model))
    return found


def remark(model: ModelWrapper) -> str:
    """A remark on a model that can be built, but perhaps not with other weights; "" without one."""
    joined = [integer_scales(model, node.output[0]).scales for node in sums(model)]
    if any(len(scales) > 1 for scales in joined):
        return (
            "the branches of its residual sums have one scale as long as they are untrained; a trained sum of branches "
            "with different scales takes a second convolution, and is exact only in front of a convolution"
        )
    return ""


def check_model(model: ModelWrapper, metadata: ModelMetadata, until: str) -> None:
    """Raise RadioMLError with a line, which names the layers, for each problem of a build up to the stage `until`."""
    if wrong := describe(examine(model, metadata), until):
        raise RadioMLError(wrong)


def describe(found: Findings, until: str) -> str:
    """The problems of a build up to the stage `until`: a heading, then a line for each problem; "" without problems."""
    if not (problems := found.problems(until)):
        return ""
    alike: dict[str, list[str]] = {}
    for name, wrong in problems.items():
        alike.setdefault(wrong, []).append(name)
    lines = [
        f"{first}: {wrong}" + (f" (the same with {', '.join(others)})" if others else "")
        for wrong, (first, *others) in alike.items()
    ]
    hint = "" if found.estimate else " (up to 'estimate' it can)"
    return "\n  ".join([f"this network cannot be built up to {until!r}{hint}:", *lines])


def check_all_rtl(model: ModelWrapper) -> None:
    """Raise RadioMLError naming the layers of FINN's graph that would need Vitis HLS."""
    others = [f"{node.op_type} {node.name}" for node in model.graph.node if not node.op_type.endswith("_rtl")]
    if others:
        raise RadioMLError(f"there is no RTL for {', '.join(others)}; they would need Vitis HLS")


def _function_problems(model: ModelWrapper, fused: list[Activation]) -> Problems:
    """What keeps functions of integers from being thresholds or tables."""
    functions = IntegerFunctions(model)
    problems: Problems = {}
    for function in fused:
        try:
            problems |= dict(filter(None, [problem(model, function, functions)]))
        except RadioMLError as error:
            problems[f"Quant {function.quant.name}"] = str(error)
    return problems


def _quantiser_problems(model: ModelWrapper) -> Problems:
    """Quantisers whose input is not a function of one tensor of integers or of one layer's sums."""
    quantisers = zip(activation_quantisers(model), activations(model), strict=True)
    return {
        f"{quant.op_type} {quant.name}": (
            f"quantises a function of {_names(model, quant)}; the build needs a function of one tensor of integers or "
            "of one layer's sums: put a quantiser (QuantIdentity) in front of each of them that has none"
        )
        for quant, found in quantisers
        if found is None
    }


def _names(model: ModelWrapper, quant: NodeProto) -> str:
    makers = [model.find_producer(tensor) for tensor in in_front(model, quant)[1]]
    return " and ".join(f"{node.op_type} {node.name}" for node in makers if node is not None) or "the input"


def _classifier_problem(model: ModelWrapper) -> Problems:
    last = model.find_producer(model.graph.output[0].name)
    if last is None or last.op_type not in ("MatMul", "Gemm"):
        return {}
    quant = weight_quantiser(model, last.input[1])
    scale = None if quant is None else model.get_initializer(quant.input[1])
    if scale is None or np.size(scale) == 1:
        return {}
    problem = (
        "the classifier has a weight scale for each class, so its integers cannot be compared between classes; "
        "use one weight scale for the whole layer"
    )
    return {f"{last.op_type} {last.name}": problem}
