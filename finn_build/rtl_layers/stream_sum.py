"""The sum of two streams, each times a constant: where branches of a network meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseAdd

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.datatype import BaseDataType as DataType
    from qonnx.core.modelwrapper import ModelWrapper


class StreamSum(ElementwiseAdd):
    """FINN's addition of two streams of integers of one shape, with a factor for each; see `ChannelBias` for the name.

    Attributes lhs_factor, rhs_factor: integers, 1 by default.
    """

    @property
    def factors(self) -> tuple[int, int]:
        """What the first and the second stream are multiplied by."""
        return self.get_nodeattr("lhs_factor"), self.get_nodeattr("rhs_factor")

    def get_nodeattr_types(self) -> dict[str, tuple[Any, ...]]:
        """FINN's attributes with the factors, and without ram_style: the layer has no constants in memory."""
        types = super().get_nodeattr_types() | dict.fromkeys(("lhs_factor", "rhs_factor"), ("i", False, 1))
        del types["ram_style"]
        return types

    def npy_op(self, lhs: np.ndarray, rhs: np.ndarray) -> np.ndarray:
        """The weighted sum of int64 arrays."""
        left, right = self.factors
        return left * lhs + right * rhs

    def execute_node(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """Compute in 64-bit integers, and give double precision, which holds the sums."""
        lhs, rhs = (context[name].astype(np.int64) for name in self.onnx_node.input)
        context[self.onnx_node.output[0]] = self.npy_op(lhs, rhs).astype(np.float64)

    def _derive_out_dtype(self, model: ModelWrapper) -> DataType:
        from qonnx.core.datatype import DataType

        ends = [
            (min(ends), max(ends))
            for factor, kind in zip(self.factors, (self.lhs_dtype, self.rhs_dtype), strict=True)
            if (ends := [int(factor * kind.min()), int(factor * kind.max())])
        ]
        low, high = sum(low for low, _ in ends), sum(high for _, high in ends)
        return DataType[f"UINT{max(1, high.bit_length())}" if low >= 0 else f"INT{max(~low, high).bit_length() + 1}"]


class StreamSum_rtl(StreamLayer, StreamSum):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The sum in stream_sum.sv, one word a cycle."""

    module = "stream_sum"

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """An addition of two streams of integers of one shape."""
        if node.op_type not in ("ElementwiseAdd", "StreamSum"):
            return False
        streams = all(model.get_initializer(name) is None for name in node.input)
        shapes = {tuple(model.get_tensor_shape(name)) for name in node.input}
        return streams and len(shapes) == 1 and all(model.get_tensor_datatype(name).is_integer() for name in node.input)

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer."""
        left, right = self.factors
        return {
            "PE": self.pe,
            "A_WIDTH": self.lhs_dtype.bitwidth(),
            "A_SIGNED": int(self.lhs_dtype.signed()),
            "A_FACTOR": left,
            "B_WIDTH": self.rhs_dtype.bitwidth(),
            "B_SIGNED": int(self.rhs_dtype.signed()),
            "B_FACTOR": right,
            "OUT_WIDTH": self.out_dtype.bitwidth(),
        }

    def bram_estimation(self, fpgapart: str) -> int:
        """The layer has no memory."""
        return 0

    def uram_estimation(self, fpgapart: str) -> int:
        """The layer has no memory."""
        return 0

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of stream_sum.sv by its structure: one a bit of each sum, and four. Nobody has synthesised it."""
        return int(self.get_outstream_width() + 4)

    def dsp_estimation(self, fpgapart: str) -> int:
        """One DSP for each product with a factor. A factor that is a power of two is a shift and takes none."""
        return int(self.pe * sum(abs(factor).bit_count() > 1 for factor in self.factors))
