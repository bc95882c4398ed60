"""Layers in RTL of our own where FINN 1.6.1 has them for Vitis HLS alone: SystemVerilog, and what FINN must know."""

from __future__ import annotations


def register() -> None:
    """Make FINN know them as its own RTL layers; for a FINN session.

    FINN's worker processes are forked from this one, so they know them as well.
    """
    from finn.custom_op import fpgadataflow
    from finn.custom_op.fpgadataflow import rtl

    from finn_build.rtl_layers.channel_bias import ChannelBias, ChannelBias_rtl
    from finn_build.rtl_layers.pool_rtl import Pool_rtl

    fpgadataflow.custom_op[ChannelBias.__name__] = ChannelBias
    for layer in (ChannelBias_rtl, Pool_rtl):
        rtl.custom_op[layer.__name__] = layer
