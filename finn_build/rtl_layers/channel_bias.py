"""The addition of a constant to each channel: the bias of a classifier, behind which no threshold could hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseAdd

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    import numpy as np
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


class ChannelBias(ElementwiseAdd):
    """FINN's addition where the second operand is one constant integer a channel.

    It has a name of its own because FINN's RTL variant of the addition is another layer: of two streams, and made of a
    Versal's floating-point blocks.
    """


def is_channel_bias(model: ModelWrapper, node: NodeProto) -> bool:
    """Whether a node of FINN's graph does what `ChannelBias` does."""
    if node.op_type != "ElementwiseAdd" or (constant := model.get_initializer(node.input[1])) is None:
        return False
    channels = model.get_tensor_shape(node.input[0])[-1]
    one_each = constant.size == channels and constant.shape[-1:] == (channels,)
    return one_each and all(model.get_tensor_datatype(name).is_integer() for name in node.input)


class ChannelBias_rtl(ChannelBias, StreamLayer):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The addition in channel_bias.sv, a word a cycle."""

    module = "channel_bias"

    def get_nodeattr_types(self) -> dict[str, tuple]:
        """Those of the addition and of an RTL layer; no choice of a memory for the constants, which lie in LUTs."""
        types = ElementwiseAdd.get_nodeattr_types(self) | StreamLayer.get_nodeattr_types(self)
        del types["ram_style"]
        return types

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer."""
        bits, bias = self.out_dtype.bitwidth(), model.get_initializer(self.onnx_node.input[1]).ravel()
        table = sum((int(value) % 2**bits) << (index * bits) for index, value in enumerate(bias))
        return {
            "WORDS": len(bias) // self.pe,
            "PE": self.pe,
            "IN_WIDTH": self.lhs_dtype.bitwidth(),
            "IN_SIGNED": int(self.lhs_dtype.signed()),
            "OUT_WIDTH": bits,
            "BIASES": f"{len(bias) * bits}'h{table:x}",
        }

    def execute_node(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """In Python, or in Vivado's simulator if the node says so."""
        kind = StreamLayer if self.get_nodeattr("exec_mode") == "rtlsim" else ElementwiseAdd
        kind.execute_node(self, context, graph)

    def bram_estimation(self, fpgapart: str) -> int:
        """None."""
        return 0

    def uram_estimation(self, fpgapart: str) -> int:
        """None."""
        return 0

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of channel_bias.sv for up to 32 words a frame: the adder's, which hold the constants too, and control.

        Against Yosys 0.70 (synth_xilinx) on four units of 1 to 4 channels: 1.00 to 1.09 of its count. Not compared with
        Vivado.
        """
        return self.get_outstream_width() + 7
