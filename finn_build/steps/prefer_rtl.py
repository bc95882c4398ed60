"""Ask FINN for the RTL variant of every layer that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper


def prefer_rtl(model: ModelWrapper) -> ModelWrapper:
    """Without the wish FINN takes HLS for multipliers of 2 and 3-bit weights; it keeps HLS where there is no RTL.

    Additions of a constant to each channel become a layer of that name (see `ChannelBias`), which has RTL. For a FINN
    session.
    """
    from qonnx.custom_op.registry import getCustomOp

    from finn_build.rtl_layers.channel_bias import ChannelBias, is_channel_bias

    for node in model.graph.node:
        if is_channel_bias(model, node):
            node.op_type = ChannelBias.__name__
        operator = getCustomOp(node)
        average = node.op_type == "Pool" and operator.get_nodeattr("Function") != "MaxPool"
        operator.set_nodeattr("preferred_impl_style", "hls" if average else "rtl")
    return model
