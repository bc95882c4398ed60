"""Folding the RTL layers of this project, which FINN's SetFolding does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finn_build.folding.parallelism import is_depthwise, producers
from finn_build.rtl_layers import own

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
    from qonnx.core.modelwrapper import ModelWrapper


def fold_own_layers(model: ModelWrapper, cycles: int) -> ModelWrapper:
    """Give each layer its slowest folding that takes no more than `cycles` a frame, or else its fastest one.

    A depthwise input generator in front of a layer gets the layer's PE as its SIMD. It gives whole windows where the
    layer takes several pixels of a window a cycle. The limit holds for the layer and for its generator. A folding whose
    width neither divides an input stream's width nor is a multiple of it is left out (see `align_stream_widths`).
    """
    from finn.util.basic import getHWCustomOp

    for node in model.graph.node:
        if (layer := own(getHWCustomOp(node))) is None:
            continue
        before = producers(model, layer)
        generator = next((producer for _, producer in before if is_depthwise(producer)), None)
        first = generator or layer
        given = [(i, producer.get_folded_output_shape()[-1]) for i, producer in producers(model, first)]
        chosen: dict[str, int] = {}
        for folding in layer.foldings():
            _fold(layer, generator, folding)
            widths = [(first.get_folded_input_shape(i)[-1], width) for i, width in given]
            if any(taken % width and width % taken for taken, width in widths):
                continue
            chosen = folding
            if max(operator.get_exp_cycles() for operator in (layer, generator) if operator) <= cycles:
                break
        _fold(layer, generator, chosen)
    return model


def _fold(layer: HWCustomOp, generator: HWCustomOp | None, folding: dict[str, int]) -> None:
    for attribute, value in folding.items():
        layer.set_nodeattr(attribute, value)
    if generator is not None:
        generator.set_nodeattr("SIMD", layer.get_nodeattr("PE"))
        generator.set_nodeattr("parallel_window", int(folding.get("SIMD", 1) > 1))
