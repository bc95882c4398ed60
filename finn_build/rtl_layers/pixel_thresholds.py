"""Thresholds of integers up to 62 bits, with separate sets for the first and the last pixels of a frame."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.datatype import BaseDataType as DataType
    from qonnx.core.modelwrapper import ModelWrapper


class PixelThresholds(HWCustomOp):
    """The level of each element: how many thresholds of its channel and pixel it reaches.

    Inputs: integers (1, channels, pixels ...), or with `channels_last` (1, ..., channels); thresholds int64 (sets,
    channels, 2^bits - 1), ascending. Attributes `first`, `last`: number of pixels at the start and the end of a frame
    that have a set each. All other pixels share one set.
    """

    def get_nodeattr_types(self) -> dict[str, tuple[Any, ...]]:
        """See HWCustomOp."""
        return super().get_nodeattr_types() | {
            "PE": ("i", False, 1),
            "NumChannels": ("i", True, 0),
            "numInputVectors": ("ints", True, []),
            "first": ("i", False, 0),
            "last": ("i", False, 0),
            "channels_last": ("i", False, 0),
            "inputDataType": ("s", True, ""),
            "outputDataType": ("s", True, ""),
        }

    @property
    def pixels(self) -> int:
        """Pixels of a frame."""
        return prod(self.get_nodeattr("numInputVectors"))

    def make_shape_compatible_op(self, model: ModelWrapper) -> NodeProto:
        """The output has the input's shape."""
        from onnx import helper

        return helper.make_node("Relu", self.onnx_node.input[:1], self.onnx_node.output)

    def infer_node_datatype(self, model: ModelWrapper) -> None:
        """Levels are unsigned. The input's type is known once FINN has inferred the type of the layer in front."""
        kind = model.get_tensor_datatype(self.onnx_node.input[0])
        if kind.is_integer():
            self.set_nodeattr("inputDataType", kind.name)
        model.set_tensor_datatype(self.onnx_node.output[0], self.get_output_datatype())

    def execute_node(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """Compare in 64-bit integers."""
        source, table = self.onnx_node.input
        values, thresholds = context[source], context[table].astype(np.int64)
        channels = self.get_nodeattr("NumChannels")
        last = self.get_nodeattr("channels_last")
        elements = integers(values)
        elements = elements.reshape(-1, channels) if last else elements.reshape(channels, -1).T
        reached = (elements[:, :, None] >= thresholds[self.sets()]).sum(-1)
        precision = np.float32 if values.dtype == np.float32 else np.float64
        context[self.onnx_node.output[0]] = (reached if last else reached.T).reshape(values.shape).astype(precision)

    def sets(self) -> np.ndarray:
        """The set of each pixel."""
        first, last = self.get_nodeattr("first"), self.get_nodeattr("last")
        inner = self.pixels - first - last
        return np.concatenate([np.arange(first), np.full(inner, first), np.arange(last) + first + (inner > 0)])

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """See HWCustomOp."""
        return (*self.get_nodeattr("numInputVectors"), self.get_nodeattr("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """See HWCustomOp."""
        return self.get_normal_input_shape()

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """See HWCustomOp."""
        pe = self.get_nodeattr("PE")
        return (*self.get_nodeattr("numInputVectors"), self.get_nodeattr("NumChannels") // pe, pe)

    def get_folded_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """See HWCustomOp."""
        return self.get_folded_input_shape()

    def get_input_datatype(self, ind: int = 0) -> DataType:
        """See HWCustomOp."""
        from qonnx.core.datatype import DataType

        return DataType[self.get_nodeattr("inputDataType")]

    def get_output_datatype(self, ind: int = 0) -> DataType:
        """See HWCustomOp."""
        from qonnx.core.datatype import DataType

        return DataType[self.get_nodeattr("outputDataType")]

    def get_instream_width(self, ind: int = 0) -> int:
        """See HWCustomOp; thresholds are inside."""
        return 0 if ind else self.get_nodeattr("PE") * self.get_input_datatype().bitwidth()

    def get_outstream_width(self, ind: int = 0) -> int:
        """See HWCustomOp."""
        return int(self.get_nodeattr("PE") * self.get_output_datatype().bitwidth())

    def get_number_output_values(self) -> int:
        """Words of a frame."""
        return prod(self.get_folded_output_shape()[:-1])

    def get_exp_cycles(self) -> int:
        """One for each word."""
        return self.get_number_output_values()

    def verify_node(self) -> list[str]:
        """See CustomOp."""
        return []


class PixelThresholds_rtl(StreamLayer, PixelThresholds):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The comparisons in pixel_thresholds.sv, one word a cycle."""

    module = "pixel_thresholds"
    gives_activation = True

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """Every node of this name, if its input is of integers."""
        return bool(node.op_type == "PixelThresholds" and model.get_tensor_datatype(node.input[0]).is_integer())

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer."""
        kind = self.get_input_datatype()
        return {
            "PIXELS": self.pixels,
            "WORDS": self.get_nodeattr("NumChannels") // self.get_nodeattr("PE"),
            "PE": self.get_nodeattr("PE"),
            "FIRST": self.get_nodeattr("first"),
            "LAST": self.get_nodeattr("last"),
            "IN_WIDTH": kind.bitwidth(),
            "IN_SIGNED": int(kind.signed()),
            "THRESHOLD_WIDTH": bits_of(self._table(model)),
            "OUT_WIDTH": self.get_output_datatype().bitwidth(),
        }

    def data_files(self, model: ModelWrapper) -> dict[str, str | dict[str, str]]:
        """The files of each element and stage; see `threshold_files`."""
        table = self._table(model)
        return {"THRESHOLDS": dict(threshold_files(table, self.get_nodeattr("PE"), bits_of(table)))}

    def bram_estimation(self, fpgapart: str) -> int:
        """Block RAMs of 18 Kbit for the memories of more than 64 words, each up to 36 bits wide and 512 words deep."""
        return self.get_nodeattr("PE") * sum(
            -(-self._bits() // 36) * -(-words // 512) for words in self._depths() if words > _LUT_MEMORY
        )

    def uram_estimation(self, fpgapart: str) -> int:
        """UltraRAM cannot be initialised."""
        return 0

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of pixel_thresholds.sv by its structure: a comparator a stage, memories of 64 words a LUT, and control.

        Nobody has synthesised it.
        """
        stages, bits = self.get_output_datatype().bitwidth(), self._bits()
        small = sum(words <= _LUT_MEMORY for words in self._depths())
        return int(self.get_nodeattr("PE") * bits * (stages + small) + 32)

    def _table(self, model: ModelWrapper) -> np.ndarray:
        return np.asarray(model.get_initializer(self.onnx_node.input[1]), np.int64)

    def _bits(self) -> int:
        return int(self.get_input_datatype().bitwidth()) + 1

    def _depths(self) -> list[int]:
        """Words of the memory of each stage."""
        folds = (int(self.sets().max()) + 1) * (self.get_nodeattr("NumChannels") // self.get_nodeattr("PE"))
        return [folds * 2**stage for stage in range(self.get_output_datatype().bitwidth())]


_LUT_MEMORY = 64
"""Words of the deepest memory that is put in LUTs."""


def integers(values: np.ndarray) -> np.ndarray:
    """Numbers as int64; floating-point numbers differ from integers only by rounding."""
    return values if values.dtype == np.int64 else np.rint(values).astype(np.int64)


def bits_of(table: np.ndarray) -> int:
    """Bits of two's complement that hold all integers of a table."""
    return int(max(table.max(), ~table.min())).bit_length() + 1


def threshold_files(table: np.ndarray, pe: int, bits: int) -> Iterator[tuple[str, str]]:
    """Ending of the name and hexadecimal content of the file of each element and stage.

    table: int64 (sets, channels, 2^stages - 1). Channel c is compared in element c mod pe.
    """
    digits = -(-bits // 4)
    stages = (table.shape[-1] + 1).bit_length() - 1
    for element in range(pe):
        for stage in range(stages):
            apart = 2 ** (stages - stage)
            values = table[:, element::pe, apart // 2 - 1 :: apart].ravel()
            lines = (f"{int(value) % 2**bits:0{digits}x}\n" for value in values)
            yield f"_{element}_{stage}.dat", "".join(lines)
