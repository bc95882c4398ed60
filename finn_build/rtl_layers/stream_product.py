"""The product of two streams, element by element."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseMul

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

_IN_LUTS = 10
"""Products whose narrower factor has fewer bits lie in LUTs, as Vivado decides by itself."""
_DSP = (26, 17)
"""Bits of the two factors of a DSP48E2 without their signs (UG579). A DSP48E1 has two bits less in the first factor."""


class StreamProduct(ElementwiseMul):
    """FINN's product of two streams of integers of one shape; see `ChannelBias` for the name."""

    def get_nodeattr_types(self) -> dict[str, tuple[Any, ...]]:
        """FINN's attributes without ram_style: the layer has no constants."""
        types = super().get_nodeattr_types()
        del types["ram_style"]
        return types

    def make_shape_compatible_op(self, model: ModelWrapper) -> NodeProto:
        """The output has the inputs' shape, in graphs of convolutions with the channels as second dimension."""
        from onnx import helper

        return helper.make_node("Add", self.onnx_node.input, self.onnx_node.output)

    def infer_node_datatype(self, model: ModelWrapper) -> None:
        """The product is as wide as both factors together. Their types are known once FINN has moved their scales."""
        kinds = [model.get_tensor_datatype(name) for name in self.onnx_node.input]
        if all(kind.is_integer() for kind in kinds):
            self.set_nodeattr("lhs_dtype", kinds[0].name)
            self.set_nodeattr("rhs_dtype", kinds[1].name)
            self.set_nodeattr("out_dtype", self._derive_out_dtype(model).name)
        model.set_tensor_datatype(self.onnx_node.output[0], self.out_dtype)

    def execute_node(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """Compute in 64-bit integers, and give double precision, which holds products of up to 53 bits."""
        lhs, rhs = (np.rint(context[name]).astype(np.int64) for name in self.onnx_node.input)
        context[self.onnx_node.output[0]] = (lhs * rhs).astype(np.float64)


class StreamProduct_rtl(StreamLayer, StreamProduct):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The product in stream_product.sv, one word a cycle."""

    module = "stream_product"

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """A product of two streams of integers of one shape."""
        if node.op_type not in ("ElementwiseMul", "StreamProduct"):
            return False
        streams = all(model.get_initializer(name) is None for name in node.input)
        shapes = {tuple(model.get_tensor_shape(name)) for name in node.input}
        return streams and len(shapes) == 1 and all(model.get_tensor_datatype(name).is_integer() for name in node.input)

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer; raises ValueError unless the output is as wide as both factors together."""
        left, right = self.lhs_dtype, self.rhs_dtype
        if self.out_dtype.bitwidth() != left.bitwidth() + right.bitwidth():
            raise ValueError(f"{self.onnx_node.name}: a product of {left} and {right} is not {self.out_dtype}")
        return {
            "PE": self.pe,
            "A_WIDTH": left.bitwidth(),
            "A_SIGNED": int(left.signed()),
            "B_WIDTH": right.bitwidth(),
            "B_SIGNED": int(right.signed()),
        }

    def bram_estimation(self, fpgapart: str) -> int:
        """The layer has no memory."""
        return 0

    def uram_estimation(self, fpgapart: str) -> int:
        """The layer has no memory."""
        return 0

    def dsp_estimation(self, fpgapart: str) -> int:
        """The DSPs that hold the factors of each element; none for narrow factors."""
        wide, narrow = self._widths()
        return 0 if narrow < _IN_LUTS else int(self.pe * ceil(wide / _DSP[0]) * ceil(narrow / _DSP[1]))

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of stream_product.sv by its structure: 7/4 a b for a product of a by b bits outside DSPs, and four.

        Nobody has synthesised it; the figure for products is that of `DepthwiseUnit_rtl`.
        """
        wide, narrow = self._widths()
        return int(4 + (self.pe * ceil(7 * wide * narrow / 4) if narrow < _IN_LUTS else 0))

    def _widths(self) -> tuple[int, int]:
        """Bits of the wider and of the narrower factor."""
        narrow, wide = sorted((self.lhs_dtype.bitwidth(), self.rhs_dtype.bitwidth()))
        return wide, narrow
