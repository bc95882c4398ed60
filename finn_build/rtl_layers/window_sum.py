"""The sum over each window, channel by channel: an average whose division is part of the thresholds behind."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from finn.custom_op.fpgadataflow.pool import Pool

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.datatype import BaseDataType as DataType
    from qonnx.core.modelwrapper import ModelWrapper


class WindowSum(Pool):
    """FINN's pool that sums (AccPool), whose output is as wide as the sums; see `ChannelBias` for the name."""

    def get_output_datatype(self, ind: int = 0) -> DataType:
        """The narrowest type of all sums."""
        return self._get_accumulator_datatype()


class WindowSum_rtl(StreamLayer, WindowSum):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The sums in accumulate_pool.sv, one word a cycle.

    Like `Pool_rtl` the layer takes the stream of a depthwise input generator: for each window, and within it for each
    group of PE channels, the words of the window one after the other. To the module a window is a frame of one word a
    pixel.
    """

    module = "accumulate_pool"

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """A pool that sums integers."""
        from qonnx.custom_op.registry import getCustomOp

        if node.op_type not in ("Pool", "WindowSum") or getCustomOp(node).get_nodeattr("Function") != "AccPool":
            return False
        return bool(model.get_tensor_datatype(node.input[0]).is_integer())

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer."""
        kind = self.get_input_datatype()
        return {
            "PIXELS": prod(self.get_nodeattr("KernelSize")),
            "WORDS": 1,
            "PE": self.get_nodeattr("PE"),
            "IN_WIDTH": kind.bitwidth(),
            "IN_SIGNED": int(kind.signed()),
            "OUT_WIDTH": self.get_output_datatype().bitwidth(),
        }

    def execute(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """Compute the sums of windows whose words come in the order of the stream."""
        channels, pe = self.get_nodeattr("Channels"), self.get_nodeattr("PE")
        windows = context[self.onnx_node.input[0]].astype(np.float64)
        groups = windows.reshape(*windows.shape[:-1], channels // pe, prod(self.get_nodeattr("KernelSize")), pe)
        context[self.onnx_node.output[0]] = groups.sum(axis=-2).reshape(self.get_normal_output_shape())

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of accumulate_pool.sv for one word a pixel by its structure: an adder and 16 for control.

        Nobody has synthesised it.
        """
        return int(self.get_outstream_width()) + 16
