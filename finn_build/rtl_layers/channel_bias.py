"""The addition of a constant to each channel: the bias of a classifier, which has no thresholds to take it in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseAdd

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


class ChannelBias(ElementwiseAdd):
    """FINN's addition where the second operand is one constant integer for each channel.

    The name ElementwiseAdd is taken: FINN has an RTL variant of that name, which adds two streams with the
    floating-point blocks of a Versal device.
    """


class ChannelBias_rtl(StreamLayer, ChannelBias):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The addition in channel_bias.sv, one word a cycle."""

    module = "channel_bias"

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """An addition of integers whose second operand is one constant for each channel."""
        if node.op_type != "ElementwiseAdd" or (constant := model.get_initializer(node.input[1])) is None:
            return False
        channels = model.get_tensor_shape(node.input[0])[-1]
        one_each = constant.size == channels and constant.shape[-1:] == (channels,)
        return one_each and all(model.get_tensor_datatype(name).is_integer() for name in node.input)

    def get_nodeattr_types(self) -> dict[str, tuple[Any, ...]]:
        """FINN's attributes without ram_style: the constants lie in LUTs."""
        types = super().get_nodeattr_types()
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

    def bram_estimation(self, fpgapart: str) -> int:
        """The constants lie in LUTs."""
        return 0

    def uram_estimation(self, fpgapart: str) -> int:
        """The constants lie in LUTs."""
        return 0

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of channel_bias.sv for up to 32 words a frame: adders, which hold the constants too, and 7 for control.

        The figure is 1.00 to 1.09 of what Yosys 0.70 (synth_xilinx) counts for four units of 1 to 4 channels. Nobody
        has compared the figure with Vivado.
        """
        return self.get_outstream_width() + 7
