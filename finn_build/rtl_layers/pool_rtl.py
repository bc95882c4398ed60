"""FINN's pooling layer in RTL, for the maximum."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING, Any

from finn.custom_op.fpgadataflow.pool import Pool

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    import numpy as np
    from qonnx.core.modelwrapper import ModelWrapper


class Pool_rtl(Pool, StreamLayer):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """Maximum over each window, in max_pool.sv.

    As Pool_hls it takes the stream of a depthwise input generator: for each window, for each group of PE channels, the
    window's words one after the other; and as that in `get_exp_cycles`: a word a cycle.
    """

    module = "max_pool"

    def get_nodeattr_types(self) -> dict[str, tuple]:
        """Those of the pooling layer and of an RTL layer."""
        return Pool.get_nodeattr_types(self) | StreamLayer.get_nodeattr_types(self)

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer; raises ValueError for an average, and for elements that are no integers."""
        datatype, function = self.get_input_datatype(), self.get_nodeattr("Function")
        if function != "MaxPool" or not datatype.is_integer():
            raise ValueError(f"{self.onnx_node.name}: RTL exists for MaxPool of integers, not {function} of {datatype}")
        return {
            "K": prod(self.get_nodeattr("KernelSize")),
            "PE": self.get_nodeattr("PE"),
            "WIDTH": datatype.bitwidth(),
            "IS_SIGNED": int(datatype.signed()),
        }

    def execute_node(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """In Python, on windows in the order of the stream, or in Vivado's simulator if the node says so."""
        if self.get_nodeattr("exec_mode") == "rtlsim":
            StreamLayer.execute_node(self, context, graph)
            return
        channels, pe = self.get_nodeattr("Channels"), self.get_nodeattr("PE")
        windows = context[self.onnx_node.input[0]]
        groups = windows.reshape(*windows.shape[:-1], channels // pe, prod(self.get_nodeattr("KernelSize")), pe)
        context[self.onnx_node.output[0]] = groups.max(axis=-2).reshape(self.get_normal_output_shape())

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of max_pool.sv: a bit takes one to choose and three quarters to compare; six for control.

        Against Yosys 0.70 (synth_xilinx) on nine units of 1 to 64 elements: 0.87 to 1.13 of its count for 4 to 16 bits,
        1.6 for 2 bits; flip-flops are twice the word's bits, and the counter. Not compared with Vivado.
        """
        return ceil(7 * self.get_instream_width() / 4) + 6
