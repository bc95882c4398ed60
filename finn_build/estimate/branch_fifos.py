"""Words that the FIFO at the end of a short branch must hold until the long branch has reached the same pixel."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
    from qonnx.core.modelwrapper import ModelWrapper


def waiting_words(model: ModelWrapper) -> dict[tuple[str, int], int]:
    """(layer that joins branches, number of its input) -> words that wait there for the layer's slowest input.

    To give its pixel j a layer needs the network's input up to pixel a j + b, all counted from 0. From layer to layer:

    - A padding by p pixels takes a p from b.
    - An input generator of stride s, for windows of k pixels d apart, adds a d (k - 1) to b and multiplies a by s.
    - Every other layer may hold a pixel that it works on, which adds a to b.

    Where branches meet, the largest b counts, and an input with a smaller b waits for (b_largest - b) / a pixels.

    The formula is ours. In a network with two residual sums FIFO sizing finds the same numbers within 4 words.
    """
    from finn.util.basic import getHWCustomOp

    reach = {model.graph.input[0].name: (1, 0)}
    words = {}
    for node in model.graph.node:
        operator = getHWCustomOp(node)
        streams = [(index, *reach[name]) for index, name in enumerate(node.input) if name in reach]
        apart, last = max(a for _, a, _ in streams), max(b for _, _, b in streams)
        if len(streams) > 1:
            for index, _, b in streams:
                folded = operator.get_folded_input_shape(index)
                words[node.name, index] = ceil((last - b) / apart) * prod(folded[-2:-1])
        reach |= dict.fromkeys(node.output, _behind(operator, apart, last))
    return words


def _behind(operator: HWCustomOp, apart: int, last: int) -> tuple[int, int]:
    """The factors a and b of `waiting_words` behind a layer, from those in front of it."""
    kind = operator.onnx_node.op_type.partition("_")[0]
    if kind == "FMPadding":
        top, left, *_ = operator.get_nodeattr("Padding")
        return apart, last - apart * (top + left)
    if kind == "ConvolutionInputGenerator":
        window, step, gap = (prod(operator.get_nodeattr(name)) for name in ("ConvKernelDim", "Stride", "Dilation"))
        return apart * step, last + apart * gap * (window - 1)
    return apart, last + apart
