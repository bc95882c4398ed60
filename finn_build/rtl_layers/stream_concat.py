"""Concatenation: the channels of several streams side by side."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from finn.custom_op.fpgadataflow.concat import StreamingConcat

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


class StreamingConcat_rtl(StreamLayer, StreamingConcat):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The concatenation in stream_concat.sv, one word a cycle."""

    module = "stream_concat"
    parallelism = "SIMD"

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """A concatenation of integers."""
        integers = all(model.get_tensor_datatype(name).is_integer() for name in node.input)
        return bool(node.op_type == "StreamingConcat" and integers)

    def most_parallel(self, attribute: str) -> int:
        """A word holds channels of one stream, so their number divides the channels of every stream."""
        return gcd(*self.get_nodeattr("ChannelsPerStream"))

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer."""
        simd, streams = self.get_nodeattr("SIMD"), range(len(self.onnx_node.input))
        types = [self.get_input_datatype(index) for index in streams]
        return {
            "N": len(types),
            "SIMD": simd,
            "WORDS": _side_by_side([channels // simd for channels in self.get_nodeattr("ChannelsPerStream")], 32),
            "WIDTHS": _side_by_side([kind.bitwidth() for kind in types], 32),
            "IS_SIGNED": _side_by_side([int(kind.signed()) for kind in types], 1),
            "OUT_WIDTH": self.get_output_datatype().bitwidth(),
        }

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of stream_concat.sv by its structure: a multiplexer of four inputs a LUT, and 64 for control.

        Nobody has synthesised it.
        """
        return int(self.get_outstream_width()) * -(-len(self.onnx_node.input) // 4) + 64


def _side_by_side(values: list[int], bits: int) -> str:
    """A Verilog constant of several numbers, the first in the lowest bits."""
    return f"{{{', '.join(f'{bits}{chr(39)}d{value}' for value in reversed(values))}}}"
