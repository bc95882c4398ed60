"""Depthwise convolution: each channel has a kernel of its own, whose products are computed in LUTs or DSPs."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from finn.custom_op.fpgadataflow.vectorvectoractivation import VVAU

from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


class DepthwiseUnit(VVAU):
    """FINN's vector-vector unit without thresholds and with embedded weights.

    The name VVAU is taken: FINN has an RTL variant of that name, for Versal devices alone.
    """

    def get_nodeattr_types(self) -> dict[str, tuple[Any, ...]]:
        """FINN's attributes for embedded weights, with one input stream.

        Weights lie in LUTs. products: where the products are computed.
        """
        types = super().get_nodeattr_types() | {
            "mem_mode": ("s", False, "internal_embedded", {"internal_embedded"}),
            "products": ("s", False, "lut", {"lut", "dsp"}),
        }
        for choice in ("ram_style", "resType"):
            del types[choice]
        return types

    def kernels(self, model: ModelWrapper) -> np.ndarray:
        """Weights int64 (channels, pixels of the kernel)."""
        return (
            model.get_initializer(self.onnx_node.input[1]).astype(np.int64).reshape(self.get_nodeattr("Channels"), -1)
        )


class DepthwiseUnit_rtl(StreamLayer, DepthwiseUnit):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The unit in depthwise_unit.sv: PE channels times SIMD pixels of the kernel a cycle.

    The unit takes the stream of a depthwise input generator: for each output pixel, and within it for each group of PE
    channels, the pixels of the window.
    """

    module = "depthwise_unit"

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """A unit of integers without thresholds."""
        from qonnx.custom_op.registry import getCustomOp

        if node.op_type != "VVAU" or not getCustomOp(node).get_nodeattr("noActivation"):
            return False
        return all(model.get_tensor_datatype(name).is_integer() for name in node.input)

    def most_parallel(self, attribute: str) -> int:
        """PE divides the channels, SIMD the pixels of the kernel."""
        return int(self.get_nodeattr("Channels") if attribute == "PE" else prod(self.get_nodeattr("Kernel")))

    def foldings(self) -> Iterator[dict[str, int]]:
        """First more channels a cycle, then more pixels of all channels."""
        most = self.most_parallel("PE")
        yield from ({"PE": pe, "SIMD": 1} for pe in range(1, most + 1) if most % pe == 0)
        pixels = self.most_parallel("SIMD")
        yield from ({"PE": most, "SIMD": simd} for simd in range(2, pixels + 1) if pixels % simd == 0)

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer."""
        pe, simd, kind = self.get_nodeattr("PE"), self.get_nodeattr("SIMD"), self.get_input_datatype()
        return {
            "GROUPS": self.get_nodeattr("Channels") // pe,
            "WORDS": prod(self.get_nodeattr("Kernel")) // simd,
            "PE": pe,
            "SIMD": simd,
            "IN_WIDTH": kind.bitwidth(),
            "IN_SIGNED": int(kind.signed()),
            "WEIGHT_WIDTH": self.get_input_datatype(1).bitwidth(),
            "OUT_WIDTH": self.get_output_datatype().bitwidth(),
            "DSP": int(self.in_dsps),
        }

    def data_files(self, model: ModelWrapper) -> dict[str, str | dict[str, str]]:
        """The weights of each word; see `weight_words`."""
        pe, simd, bits = self.get_nodeattr("PE"), self.get_nodeattr("SIMD"), self.get_input_datatype(1).bitwidth()
        return {"WEIGHTS": weight_words(self.kernels(model), pe, simd, bits)}

    def execute(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """Compute the sums of windows whose pixels come in the order of the stream."""
        channels, pe = self.get_nodeattr("Channels"), self.get_nodeattr("PE")
        windows = context[self.onnx_node.input[0]].astype(np.float64)
        kernels = context[self.onnx_node.input[1]].astype(np.float64).reshape(channels // pe, pe, -1)
        groups = windows.reshape(*windows.shape[:-1], *kernels.shape[:1], -1, pe)
        sums = np.einsum("...gkc,gck->...gc", groups, kernels)
        context[self.onnx_node.output[0]] = sums.reshape(self.get_normal_output_shape())

    def bram_estimation(self, fpgapart: str) -> int:
        """Weights lie in LUTs."""
        return 0

    def uram_estimation(self, fpgapart: str) -> int:
        """Weights lie in LUTs."""
        return 0

    @property
    def in_dsps(self) -> bool:
        """Whether DSPs compute the products."""
        return bool(self.get_nodeattr("products") == "dsp")

    @property
    def multipliers(self) -> int:
        """Products a cycle."""
        return int(self.get_nodeattr("PE") * self.get_nodeattr("SIMD"))

    def dsp_estimation(self, fpgapart: str) -> int:
        """A DSP for each product: one of up to 8 by 8 bits fits every family's."""
        return self.multipliers if self.in_dsps else 0

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of depthwise_unit.sv by its structure.

        A product of a by w bits takes 7/4 a w LUTs, or a DSP and none. An addition takes one LUT a bit of the sum, the
        memory one LUT for 64 bits, and control 20 LUTs. Sums behind DSPs take one more LUT a bit. The figure with
        products in LUTs is 1.02 to 1.15 of what Yosys 0.70 (synth_xilinx, without DSPs) counts for four units of 1 to
        12 products with 9 words of weights; with products in DSPs it is 1.04 to 1.38 of three such units'. For 144
        words and more Yosys makes larger memories, of up to 45 LUTs a bit. Nobody has compared the figure with Vivado.
        """
        weight, element = self.get_input_datatype(1).bitwidth(), self.get_input_datatype().bitwidth()
        products = 0 if self.in_dsps else self.multipliers * -(-7 * element * weight // 4)
        sums = self.multipliers + (self.get_nodeattr("PE") if self.in_dsps else 0)
        memory = self.multipliers * weight * -(-self.calc_wmem() // 64)
        return int(products + sums * self.get_output_datatype().bitwidth() + memory + 20)


def weight_words(kernels: np.ndarray, pe: int, simd: int, bits: int) -> str:
    """Hexadecimal words of weights, one a line, in the order in which the unit takes windows.

    kernels: int64 (channels, pixels). A word holds pe channels of simd pixels, the first pixel's in the lowest bits.
    bits: of a weight.
    """
    groups = kernels.reshape(len(kernels) // pe, pe, -1, simd).transpose(0, 2, 3, 1).reshape(-1, simd * pe)
    digits = -(-simd * pe * bits // 4)
    words = (sum((int(value) % 2**bits) << (index * bits) for index, value in enumerate(word)) for word in groups)
    return "".join(f"{word:0{digits}x}\n" for word in words)
