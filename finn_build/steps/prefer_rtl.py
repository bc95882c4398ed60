"""Ask FINN for the RTL variant of every layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper


def prefer_rtl(model: ModelWrapper) -> ModelWrapper:
    """Without the wish FINN takes HLS for multipliers of 2 and 3-bit weights; it keeps HLS where there is no RTL."""
    from qonnx.custom_op.registry import getCustomOp

    for node in model.graph.node:
        getCustomOp(node).set_nodeattr("preferred_impl_style", "rtl")
    return model
