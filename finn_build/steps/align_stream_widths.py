"""Make neighbouring layers' parallelism divide one another, so that no width converter slows the stream down."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
    from qonnx.core.modelwrapper import ModelWrapper

_PARALLELISM = {
    "MVAU_rtl": ("SIMD", "MW"),
    "MVAU_hls": ("SIMD", "MW"),
    "Thresholding_rtl": ("PE", "NumChannels"),
    "FMPadding_rtl": ("SIMD", "NumChannels"),
    "ConvolutionInputGenerator_rtl": ("SIMD", "IFMChannels"),
}
"""Layer -> attribute with the elements it takes a cycle, attribute with the elements that must be a multiple of it."""


def align_stream_widths(model: ModelWrapper) -> ModelWrapper:
    """Raise a layer's parallelism until it divides its predecessor's, or is a multiple of it.

    FINN's converter (vpc.sv) between widths of another ratio, say 2 and 3 elements, takes a word in 3 of 4 cycles only,
    which the cycle estimates do not know: the polyphase network folded to 1024 cycles took 1088 for that reason.
    """
    from finn.util.basic import getHWCustomOp

    for node in model.graph.node:
        producer = model.find_producer(node.input[0])
        if producer is None or node.op_type not in _PARALLELISM:
            continue
        operator = getHWCustomOp(node)
        if "depthwise" in operator.get_nodeattr_types() and operator.get_nodeattr("depthwise"):
            continue  # its parallelism is bound to that of the pool behind it
        before = int(getHWCustomOp(producer).get_folded_output_shape()[-1])
        _align(operator, *_PARALLELISM[node.op_type], before)
    return model


def _align(operator: HWCustomOp, attribute: str, whole: str, before: int) -> None:
    current, elements = operator.get_nodeattr(attribute), operator.get_nodeattr(whole)
    for parallelism in range(current, elements + 1):
        if elements % parallelism == 0 and (parallelism % before == 0 or before % parallelism == 0):
            operator.set_nodeattr(attribute, parallelism)
            return
