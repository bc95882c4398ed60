"""FINN's pooling layer in RTL, for the maximum."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING, Any

from finn.custom_op.fpgadataflow.pool import Pool

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    import numpy as np
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


class Pool_rtl(StreamLayer, Pool):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """Maximum over each window, in max_pool.sv, one word a cycle.

    Like FINN's Pool_hls the layer takes the stream of a depthwise input generator: for each window, and within it for
    each group of PE channels, the words of the window one after the other.
    """

    module = "max_pool"

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """A pool that takes the maximum of integers."""
        from qonnx.custom_op.registry import getCustomOp

        if node.op_type != "Pool" or getCustomOp(node).get_nodeattr("Function") != "MaxPool":
            return False
        return bool(model.get_tensor_datatype(node.input[0]).is_integer())

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer; raises ValueError for an average and for elements that are not integers."""
        datatype, function = self.get_input_datatype(), self.get_nodeattr("Function")
        if function != "MaxPool" or not datatype.is_integer():
            raise ValueError(f"{self.onnx_node.name}: RTL exists for MaxPool of integers, not {function} of {datatype}")
        return {
            "K": prod(self.get_nodeattr("KernelSize")),
            "PE": self.get_nodeattr("PE"),
            "WIDTH": datatype.bitwidth(),
            "IS_SIGNED": int(datatype.signed()),
        }

    def execute(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """Compute the maxima of windows whose words come in the order of the stream."""
        channels, pe = self.get_nodeattr("Channels"), self.get_nodeattr("PE")
        windows = context[self.onnx_node.input[0]]
        groups = windows.reshape(*windows.shape[:-1], channels // pe, prod(self.get_nodeattr("KernelSize")), pe)
        context[self.onnx_node.output[0]] = groups.max(axis=-2).reshape(self.get_normal_output_shape())

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of max_pool.sv: one for each bit to choose, three quarters of one to compare, and six for control.

        The figure is 0.87 to 1.13 of what Yosys 0.70 (synth_xilinx) counts for nine units of 1 to 64 elements of 4 to
        16 bits, and 1.6 of Yosys' count for 2 bits. Nobody has compared the figure with Vivado. Flip-flops are twice
        the bits of a word and the counter's.
        """
        return ceil(7 * self.get_instream_width() / 4) + 6
