"""Ask FINN for the RTL variant of every layer that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finn_build.rtl_layers import layers

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper


def prefer_rtl(model: ModelWrapper) -> ModelWrapper:
    """Give nodes that our RTL layers replace these layers' names, and prefer RTL everywhere; for a FINN session.

    By default FINN takes HLS for multipliers of 2 and 3-bit weights. Where a layer has no RTL, FINN keeps HLS. A node
    with the name of one of our layers stays with HLS, too, where our layer cannot replace it.
    """
    from qonnx.custom_op.registry import getCustomOp

    ours = {layer.generic().__name__: layer for layer in layers()}
    for node in model.graph.node:
        replaced = next((name for name, layer in ours.items() if layer.replaces(model, node)), None)
        node.op_type = replaced or node.op_type
        style = "hls" if replaced is None and node.op_type in ours else "rtl"
        getCustomOp(node).set_nodeattr("preferred_impl_style", style)
    return model
