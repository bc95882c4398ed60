"""The sum of all pixels of a frame, channel by channel: an average whose division is part of the thresholds behind."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from finn.custom_op.fpgadataflow.globalaccpool import GlobalAccPool

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


class GlobalAccPool_rtl(StreamLayer, GlobalAccPool):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The sums in accumulate_pool.sv, one word a cycle."""

    module = "accumulate_pool"

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """A sum of integers."""
        return bool(node.op_type == "GlobalAccPool" and model.get_tensor_datatype(node.input[0]).is_integer())

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer."""
        pe, kind = self.get_nodeattr("PE"), self.get_input_datatype()
        return {
            "PIXELS": prod(self.get_nodeattr("numInputVectors")[1:]),
            "WORDS": self.get_nodeattr("NumChannels") // pe,
            "PE": pe,
            "IN_WIDTH": kind.bitwidth(),
            "IN_SIGNED": int(kind.signed()),
            "OUT_WIDTH": self.get_output_datatype().bitwidth(),
        }

    def get_exp_cycles(self) -> int:
        """One a word at the input: sums leave while the last pixel comes in."""
        return int(prod(self.get_folded_input_shape()[:-1]))

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of accumulate_pool.sv by its structure: an adder, memory of 32 words a LUT, and 16 for control.

        Nobody has synthesised it.
        """
        words = self.get_nodeattr("NumChannels") // self.get_nodeattr("PE")
        return int(self.get_outstream_width()) * (1 + -(-words // 32)) + 16
