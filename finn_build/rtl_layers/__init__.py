"""RTL layers of this project, for operations that FINN 1.6.1 offers through Vitis HLS only.

A layer is two files of one name in this folder: its SystemVerilog, and its Python class, derived from `StreamLayer`.
`layers` lists the classes; everything else that the build must know of a layer is declared by its class.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp

    from finn_build.rtl_layers.stream_layer import StreamLayer

FOLDER = Path(__file__).parent
"""Where the SystemVerilog lies."""


BEFORE_LAYERS = "qonnx.custom_op.general"
"""Domain of a layer of ours in graphs that have no layers of FINN's yet."""


def layers() -> tuple[type[StreamLayer], ...]:
    """All classes. They derive from FINN's, which takes seconds to import."""
    from finn_build.rtl_layers.accumulate_pool import GlobalAccPool_rtl
    from finn_build.rtl_layers.channel_bias import ChannelBias_rtl
    from finn_build.rtl_layers.depthwise_unit import DepthwiseUnit_rtl
    from finn_build.rtl_layers.duplicate_streams import DuplicateStreams_rtl
    from finn_build.rtl_layers.frame_statistics import FrameStatistics_rtl
    from finn_build.rtl_layers.function_table import FunctionTable_rtl
    from finn_build.rtl_layers.max_pool import Pool_rtl
    from finn_build.rtl_layers.pixel_thresholds import PixelThresholds_rtl
    from finn_build.rtl_layers.stream_concat import StreamingConcat_rtl
    from finn_build.rtl_layers.stream_product import StreamProduct_rtl
    from finn_build.rtl_layers.stream_sum import StreamSum_rtl
    from finn_build.rtl_layers.wide_dense import WideDense_rtl
    from finn_build.rtl_layers.window_sum import WindowSum_rtl

    return (
        ChannelBias_rtl,
        DepthwiseUnit_rtl,
        DuplicateStreams_rtl,
        FrameStatistics_rtl,
        FunctionTable_rtl,
        GlobalAccPool_rtl,
        PixelThresholds_rtl,
        Pool_rtl,
        StreamProduct_rtl,
        StreamSum_rtl,
        StreamingConcat_rtl,
        WideDense_rtl,
        WindowSum_rtl,
    )


def own(operator: HWCustomOp) -> StreamLayer | None:
    """The operator, if it is a layer of this project."""
    from finn_build.rtl_layers.stream_layer import StreamLayer

    return operator if isinstance(operator, StreamLayer) else None


def register() -> None:
    """Enter the layers in FINN's registries, for a FINN session.

    FINN's worker processes are forked from this process, so they inherit the entries.
    """
    from finn.custom_op import fpgadataflow
    from finn.custom_op.fpgadataflow import rtl
    from qonnx.custom_op.registry import add_op_to_domain

    from finn_build.rtl_layers.frame_statistics import FrameStatistics
    from finn_build.rtl_layers.window_generator import ConvolutionInputGenerator_rtl

    for layer in layers():
        generic = layer.generic()
        fpgadataflow.custom_op.setdefault(generic.__name__, generic)
        rtl.custom_op[layer.__name__] = layer
    rtl.custom_op[ConvolutionInputGenerator_rtl.__name__] = ConvolutionInputGenerator_rtl
    add_op_to_domain(BEFORE_LAYERS, FrameStatistics)
