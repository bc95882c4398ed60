"""A fork: each word goes to several layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finn.custom_op.fpgadataflow.duplicatestreams import DuplicateStreams

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


class DuplicateStreams_rtl(StreamLayer, DuplicateStreams):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The fork in duplicate_streams.sv, one word a cycle."""

    module = "duplicate_streams"

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """Every fork."""
        return bool(node.op_type == "DuplicateStreams")

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer."""
        return {
            "N": self.get_nodeattr("NumOutputStreams"),
            "PE": self.get_nodeattr("PE"),
            "WIDTH": self.get_input_datatype().bitwidth(),
        }

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of duplicate_streams.sv by its structure: four for each stream's state. Nobody has synthesised it."""
        return int(4 * self.get_nodeattr("NumOutputStreams"))
