"""Thresholds above 2^24, which FINN's steps round to single precision: each step is followed by restoring them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from finn_build.graph.node_order import nodes_in_order
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

Arguments = TypeVar("Arguments")


def thresholding_layers(model: ModelWrapper) -> list[NodeProto]:
    """The nodes that apply thresholds, in order (`nodes_in_order`)."""
    return [node for node in nodes_in_order(model) if node.op_type.startswith(("MultiThreshold", "Thresholding"))]


def with_thresholds_kept(
    apply: Callable[[ModelWrapper, Arguments], ModelWrapper],
) -> Callable[[ModelWrapper, Arguments], ModelWrapper]:
    """A step of FINN's after which every threshold has its integer again, clipped to the range of its input.

    No number reaches a threshold above the input's range. Such a threshold becomes the first number above the range.
    """

    def kept(model: ModelWrapper, context: Arguments) -> ModelWrapper:
        from qonnx.custom_op.registry import getCustomOp

        tables = [model.get_initializer(node.input[1]) for node in thresholding_layers(model)]
        model = apply(model, context)
        nodes = thresholding_layers(model)
        if len(nodes) != len(tables):
            raise RadioMLError(f"FINN made {len(nodes)} thresholding layers of {len(tables)}")
        for node, table in zip(nodes, tables, strict=True):
            if table.dtype != np.float64:
                continue
            kind = model.get_tensor_datatype(node.input[0])
            model.set_initializer(node.input[1], np.clip(table, kind.min(), kind.max() + 1))
            if node.op_type == "Thresholding_rtl":
                getCustomOp(node).minimize_weight_bit_width(model)
        return model

    return kept
