"""Signed types for weights of 0 and more: FINN chooses unsigned types, and the RTL multipliers take signed weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

_MULTIPLIERS = ("MVAU_rtl", "DepthwiseUnit_rtl")


def sign_weights(model: ModelWrapper) -> ModelWrapper:
    """Give the multipliers' weights signed types: mvu.sv reads a 28 of type UINT5 as -4."""
    from qonnx.core.datatype import DataType
    from qonnx.custom_op.registry import getCustomOp

    for node in (node for kind in _MULTIPLIERS for node in model.get_nodes_by_op_type(kind)):
        operator = getCustomOp(node)
        kind = DataType[operator.get_nodeattr("weightDataType")]
        if not kind.signed():
            signed = DataType[f"INT{kind.bitwidth() + 1}"]
            operator.set_nodeattr("weightDataType", signed.name)
            model.set_tensor_datatype(node.input[1], signed)
    return model
