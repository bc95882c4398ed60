"""Any function of an integer of up to 8 bits, by a table: square, absolute value, sigmoid ..."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.datatype import BaseDataType as DataType
    from qonnx.core.modelwrapper import ModelWrapper

MOST_BITS = 8
"""Bits of the widest element that a table takes."""
_LUT_WORDS = 64
"""Words of one bit that a LUT holds."""


class FunctionTable(HWCustomOp):
    """Looks each element up in a table.

    Inputs: a stream of integers, channels last; the table, integers (1, N) where all channels have one function, or
    (channels, N), with the results of all N integers of the input's type in order, the least first.
    Attributes of the node:
        shape: of the stream, channels last.
        channels_last: 0 in graphs of convolutions, where the channels are the second dimension.
        PE: channels a cycle.
        inputDataType, outputDataType: types of an element and of a result.
    """

    def get_nodeattr_types(self) -> dict[str, tuple[Any, ...]]:
        """See CustomOp."""
        kinds = dict.fromkeys(("inputDataType", "outputDataType"), ("s", True, ""))
        return super().get_nodeattr_types() | kinds | {
            "shape": ("ints", True, []), "channels_last": ("i", False, 1), "PE": ("i", False, 1),
        }  # fmt: skip

    def make_shape_compatible_op(self, model: ModelWrapper) -> NodeProto:
        """The output has the input's shape."""
        from onnx import helper

        return helper.make_node("Relu", self.onnx_node.input[:1], self.onnx_node.output)

    def get_input_datatype(self, ind: int = 0) -> DataType:
        """See HWCustomOp; the table has the output's type."""
        from qonnx.core.datatype import DataType

        return DataType[self.get_nodeattr("outputDataType" if ind else "inputDataType")]

    def get_output_datatype(self, ind: int = 0) -> DataType:
        """See HWCustomOp."""
        return self.get_input_datatype(1)

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Shape of the stream, channels last."""
        return tuple(self.get_nodeattr("shape"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Shape of the stream, channels last."""
        return self.get_normal_input_shape()

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """The shape in words of PE elements."""
        *pixels, channels = self.get_normal_input_shape()
        return (*pixels, channels // self.get_nodeattr("PE"), self.get_nodeattr("PE"))

    def get_folded_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """The shape in words of PE elements."""
        return self.get_folded_input_shape()

    def get_instream_width(self, ind: int = 0) -> int:
        """Bits of a word; the table is no stream."""
        return 0 if ind else int(self.get_nodeattr("PE") * self.get_input_datatype().bitwidth())

    def get_outstream_width(self, ind: int = 0) -> int:
        """Bits of a word."""
        return int(self.get_nodeattr("PE") * self.get_output_datatype().bitwidth())

    def get_exp_cycles(self) -> int:
        """One a word."""
        return int(prod(self.get_folded_input_shape()[:-1]))

    def infer_node_datatype(self, model: ModelWrapper) -> None:
        """Annotate the output with the type of the table's results."""
        model.set_tensor_datatype(self.onnx_node.output[0], self.get_output_datatype())

    def verify_node(self) -> list[str]:
        """See CustomOp."""
        return []

    def execute_node(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """Look up the integers."""
        values, table = (context[name] for name in self.onnx_node.input)
        axis = -1 if self.get_nodeattr("channels_last") else 1
        values = np.moveaxis(values, axis, -1)
        index = np.rint(values).astype(np.int64) - int(self.get_input_datatype().min())
        channel = np.arange(values.shape[-1]) % len(table)
        context[self.onnx_node.output[0]] = np.moveaxis(table[channel, index], -1, axis).astype(values.dtype)


class FunctionTable_rtl(StreamLayer, FunctionTable):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The table in function_table.sv, one word a cycle."""

    module = "function_table"

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """A table for elements of up to 8 bits."""
        kind = model.get_tensor_datatype(node.input[0])
        return bool(node.op_type == "FunctionTable" and kind.is_integer() and kind.bitwidth() <= MOST_BITS)

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer; raises ValueError for a stream whose type is not the table's input type."""
        if (kind := model.get_tensor_datatype(self.onnx_node.input[0])) != self.get_input_datatype():
            raise ValueError(f"{self.onnx_node.name}: its table is for {self.get_input_datatype()}, not {kind}")
        pe, functions = self.get_nodeattr("PE"), len(model.get_initializer(self.onnx_node.input[1]))
        return {
            "WORDS": functions // pe if functions > 1 else 1,
            "PE": pe,
            "IN_WIDTH": self.get_input_datatype().bitwidth(),
            "OUT_WIDTH": self.get_output_datatype().bitwidth(),
        }

    def data_files(self, model: ModelWrapper) -> dict[str, str | dict[str, str]]:
        """The results of each word; see `table_words`."""
        table, signed = model.get_initializer(self.onnx_node.input[1]), self.get_input_datatype().signed()
        bits = self.get_output_datatype().bitwidth()
        return {"TABLE": table_words(table.astype(np.int64), self.get_nodeattr("PE"), signed, bits)}

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of function_table.sv by its structure: memory of 64 words of a bit each, and 8 for control.

        Where each channel has a table, the words of one channel are counted, although the memory's depth depends on the
        folding. Nobody has synthesised the layer.
        """
        words = 2 ** self.get_input_datatype().bitwidth()
        return int(self.get_outstream_width() * -(-words // _LUT_WORDS) + 8)


def table_words(table: np.ndarray, pe: int, signed: bool, bits: int) -> str:
    """Hexadecimal words of pe results, one a line, in the order of an element's bits as an unsigned number.

    table: int64 (functions, N), as `FunctionTable` has it. signed: whether the table begins with the most negative
    element. bits: of a result.
    """
    rows = np.roll(table, table.shape[1] // 2, axis=1) if signed else table
    rows = np.repeat(rows, pe, axis=0) if len(rows) == 1 else rows
    words = rows.reshape(-1, pe, rows.shape[1]).transpose(0, 2, 1).reshape(-1, pe)
    digits = -(-pe * bits // 4)
    values = (sum((int(value) % 2**bits) << (index * bits) for index, value in enumerate(word)) for word in words)
    return "".join(f"{value:0{digits}x}\n" for value in values)
