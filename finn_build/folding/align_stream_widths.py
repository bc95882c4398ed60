"""Make neighbouring layers' parallelism divide one another, so that no width converter slows the stream down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finn_build.folding.parallelism import is_depthwise, legal_widths, producers

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
    from qonnx.core.modelwrapper import ModelWrapper

_INPUT_PARALLELISM = {
    "MVAU_rtl": "SIMD",
    "MVAU_hls": "SIMD",
    "Thresholding_rtl": "PE",
    "FMPadding_rtl": "SIMD",
    "ConvolutionInputGenerator_rtl": "SIMD",
}
"""FINN's layer -> the attribute that says how many elements the layer takes a cycle."""


def align_stream_widths(model: ModelWrapper) -> ModelWrapper:
    """Raise a layer's parallelism until it divides its predecessor's, or is a multiple of it.

    Between widths of another ratio, say 2 and 3 elements, FINN's converter (vpc.sv) takes a word in 3 of 4 cycles only.
    The cycle estimates do not know this: the polyphase network folded to 1024 cycles took 1088.
    """
    from finn.util.basic import getHWCustomOp

    for node in model.graph.node:
        operator = getHWCustomOp(node)
        before = [producer.get_folded_output_shape()[-1] for _, producer in producers(model, operator)]
        if before and node.op_type in _INPUT_PARALLELISM and not is_depthwise(operator):
            _align(operator, _INPUT_PARALLELISM[node.op_type], before)
    return model


def slow_converters(model: ModelWrapper) -> list[str]:
    """Streams between layers whose parallelism is not aligned, where the cycle estimates are too low, in words."""
    from finn.util.basic import getHWCustomOp

    found = []
    for node in model.graph.node:
        operator = getHWCustomOp(node)
        for index, producer in producers(model, operator):
            given = int(producer.get_folded_output_shape()[-1])
            taken = int(operator.get_folded_input_shape(index)[-1])
            if given % taken and taken % given:
                found.append(f"{producer.onnx_node.name} gives {given} elements a cycle, {node.name} takes {taken}")
    return found


def _align(operator: HWCustomOp, attribute: str, before: list[int]) -> None:
    current = operator.get_nodeattr(attribute)
    for value in legal_widths(operator, attribute):
        if value >= current and all(value % given == 0 or given % value == 0 for given in before):
            operator.set_nodeattr(attribute, value)
            return
