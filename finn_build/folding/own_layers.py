"""Folding our own layers, which FINN's SetFolding does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finn_build.folding.parallelism import is_depthwise, legal_values

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

_LAYERS = ("Pool_rtl", "ChannelBias_rtl")


def fold_own_layers(model: ModelWrapper, cycles: int) -> ModelWrapper:
    """Give each the least PE with which it takes no more than `cycles` a frame, or else the largest.

    A pool and the input generator in front of it have the same parallelism, and both are to be so fast. The PE divides
    the parallelism of the layer before, or is a multiple of it (see `align_stream_widths`).
    """
    from finn.util.basic import getHWCustomOp

    for node in model.graph.node:
        if node.op_type not in _LAYERS:
            continue
        operator = getHWCustomOp(node)
        before = _before(model, node)
        generator = before if before and is_depthwise(before) else None
        if generator:
            before = _before(model, generator.onnx_node)
        given = before.get_folded_output_shape()[-1] if before else 1
        for value in legal_values(operator, "PE"):
            if value % given and given % value:
                continue
            operator.set_nodeattr("PE", value)
            if generator:
                generator.set_nodeattr("SIMD", value)
                generator.set_nodeattr("parallel_window", 0)
            if max(layer.get_exp_cycles() for layer in (operator, generator) if layer) <= cycles:
                break
    return model


def _before(model: ModelWrapper, node: NodeProto) -> HWCustomOp | None:
    from finn.util.basic import getHWCustomOp

    producer = model.find_producer(node.input[0])
    return None if producer is None else getHWCustomOp(producer)
