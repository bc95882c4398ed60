"""A dense layer of integers whose weights have more bits than FINN's multipliers take."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp

from finn_build.rtl_layers.pixel_thresholds import integers
from finn_build.rtl_layers.stream_layer import StreamLayer

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.datatype import BaseDataType as DataType
    from qonnx.core.modelwrapper import ModelWrapper

LIMB = 24
"""Bits of a limb of a weight: one input of a DSP48E1 takes 25 with a sign, one of a DSP48E2 27."""
_SHORT_INPUT = 18
"""Bits that the other input of a DSP takes."""


class WideDense(HWCustomOp):
    """Sums int64 (1, outputs): a frame's single pixel, of any layout, times weights int64 (outputs, inputs).

    Attribute `doubt`: the largest change of a sum by the rounding of the weights; see `steps.affine_tables`.
    """

    def get_nodeattr_types(self) -> dict[str, tuple[Any, ...]]:
        """See HWCustomOp."""
        return super().get_nodeattr_types() | {
            "PE": ("i", False, 1),
            "SIMD": ("i", False, 1),
            "MW": ("i", True, 0),
            "MH": ("i", True, 0),
            "doubt": ("i", False, 0),
            "inputDataType": ("s", True, ""),
            "weightDataType": ("s", True, ""),
            "outputDataType": ("s", True, ""),
        }

    def make_shape_compatible_op(self, model: ModelWrapper) -> NodeProto:
        """The output has a single pixel."""
        return self.make_const_shape_op(self.get_normal_output_shape())

    def infer_node_datatype(self, model: ModelWrapper) -> None:
        """The sums' type is given. The input's type is known once FINN has inferred the type of the layer in front."""
        kind = model.get_tensor_datatype(self.onnx_node.input[0])
        if kind.is_integer():
            self.set_nodeattr("inputDataType", kind.name)
        model.set_tensor_datatype(self.onnx_node.output[0], self.get_output_datatype())

    def execute_node(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """Compute in 64-bit integers, and give these: floating point would round the sums."""
        source, weights = self.onnx_node.input
        inputs = integers(context[source]).reshape(1, -1)
        context[self.onnx_node.output[0]] = inputs @ context[weights].astype(np.int64).T

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """See HWCustomOp."""
        return (1, self.get_nodeattr("MW"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """See HWCustomOp."""
        return (1, self.get_nodeattr("MH"))

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """See HWCustomOp."""
        simd = self.get_nodeattr("SIMD")
        return (1, self.get_nodeattr("MW") // simd, simd)

    def get_folded_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """See HWCustomOp."""
        pe = self.get_nodeattr("PE")
        return (1, self.get_nodeattr("MH") // pe, pe)

    def get_input_datatype(self, ind: int = 0) -> DataType:
        """See HWCustomOp."""
        from qonnx.core.datatype import DataType

        return DataType[self.get_nodeattr("weightDataType" if ind else "inputDataType")]

    def get_output_datatype(self, ind: int = 0) -> DataType:
        """See HWCustomOp."""
        from qonnx.core.datatype import DataType

        return DataType[self.get_nodeattr("outputDataType")]

    def get_instream_width(self, ind: int = 0) -> int:
        """See HWCustomOp; weights are inside."""
        return 0 if ind else self.get_nodeattr("SIMD") * self.get_input_datatype().bitwidth()

    def get_outstream_width(self, ind: int = 0) -> int:
        """See HWCustomOp."""
        return int(self.get_nodeattr("PE") * self.get_output_datatype().bitwidth())

    def get_number_output_values(self) -> int:
        """Words of a frame."""
        return prod(self.get_folded_output_shape()[:-1])

    def get_exp_cycles(self) -> int:
        """One for each word of the weights."""
        return self.words

    @property
    def words(self) -> int:
        """Words of the weights, of PE x SIMD each."""
        pe, simd = self.get_nodeattr("PE"), self.get_nodeattr("SIMD")
        return int(self.get_nodeattr("MH") // pe * (self.get_nodeattr("MW") // simd))

    def verify_node(self) -> list[str]:
        """See CustomOp."""
        return []


class WideDense_rtl(StreamLayer, WideDense):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The sums in wide_dense.sv."""

    module = "wide_dense"

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """Every node of this name, if its input is of integers."""
        return bool(node.op_type == "WideDense" and model.get_tensor_datatype(node.input[0]).is_integer())

    def caveat(self) -> str:
        """How exact the sums are."""
        doubt, bits = self.get_nodeattr("doubt"), self.get_output_datatype().bitwidth() - 1
        return (
            f"{self.onnx_node.name} has weights in fixed point: a sum closer to a threshold than "
            f"2^{doubt.bit_length() - bits} of the largest sum may be one level away from exact real arithmetic"
        )

    def most_parallel(self, attribute: str) -> int:
        """PE divides the outputs, SIMD the inputs."""
        return int(self.get_nodeattr("MH" if attribute == "PE" else "MW"))

    def foldings(self) -> Iterator[dict[str, int]]:
        """First more inputs a cycle, then more outputs."""
        inputs, outputs = self.most_parallel("SIMD"), self.most_parallel("PE")
        yield from ({"PE": 1, "SIMD": simd} for simd in range(1, inputs + 1) if inputs % simd == 0)
        yield from ({"PE": pe, "SIMD": inputs} for pe in range(2, outputs + 1) if outputs % pe == 0)

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """See StreamLayer."""
        pe, simd, kind = self.get_nodeattr("PE"), self.get_nodeattr("SIMD"), self.get_input_datatype()
        return {
            "WORDS": self.get_nodeattr("MW") // simd,
            "GROUPS": self.get_nodeattr("MH") // pe,
            "PE": pe,
            "SIMD": simd,
            "IN_WIDTH": kind.bitwidth(),
            "IN_SIGNED": int(kind.signed()),
            "WEIGHT_WIDTH": self.get_input_datatype(1).bitwidth(),
            "LIMB": LIMB,
            "OUT_WIDTH": self.get_output_datatype().bitwidth(),
        }

    def data_files(self, model: ModelWrapper) -> dict[str, str | dict[str, str]]:
        """The weights of each word; see `dense_words`."""
        weights = np.asarray(model.get_initializer(self.onnx_node.input[1]), np.int64)
        pe, simd = self.get_nodeattr("PE"), self.get_nodeattr("SIMD")
        return {"WEIGHTS": dense_words(weights, pe, simd, self.get_input_datatype(1).bitwidth())}

    def bram_estimation(self, fpgapart: str) -> int:
        """Block RAMs of 18 Kbit for the weights, each up to 36 bits wide and 512 words deep."""
        bits = self.get_nodeattr("PE") * self.get_nodeattr("SIMD") * self.get_input_datatype(1).bitwidth()
        return -(-bits // 36) * -(-self.words // 512) if self.words > _LUT_MEMORY else 0

    def uram_estimation(self, fpgapart: str) -> int:
        """UltraRAM cannot be initialised."""
        return 0

    def dsp_estimation(self, fpgapart: str) -> int:
        """One DSP for each limb of each product, and for each 18 bits of an input."""
        limbs = -(-self.get_input_datatype(1).bitwidth() // LIMB)
        parts = -(-self.get_input_datatype().bitwidth() // _SHORT_INPUT)
        return int(self.get_nodeattr("PE") * self.get_nodeattr("SIMD") * limbs * parts)

    def lut_estimation(self, fpgapart: str) -> int:
        """LUTs of wide_dense.sv by its structure: an adder for each limb and each sum, memories of 64 words a LUT.

        Nobody has synthesised it.
        """
        products = self.get_nodeattr("PE") * self.get_nodeattr("SIMD")
        bits, weight_bits = self.get_output_datatype().bitwidth(), self.get_input_datatype(1).bitwidth()
        adders = (products * -(-weight_bits // LIMB) + self.get_nodeattr("PE")) * bits
        memory = products * weight_bits if self.words <= _LUT_MEMORY else 0
        stored = self.get_instream_width() * -(-(self.get_nodeattr("MW") // self.get_nodeattr("SIMD")) // 64)
        return int(adders + memory + stored + 32)


_LUT_MEMORY = 64
"""Words of the deepest memory of weights that is put in LUTs."""


def dense_words(weights: np.ndarray, pe: int, simd: int, bits: int) -> str:
    """Hexadecimal words of pe x simd weights, one a line, in the order in which the layer uses them.

    weights: int64 (outputs, inputs). bits: of a weight.
    """
    outputs, inputs = weights.shape
    groups = weights.reshape(outputs // pe, pe, inputs // simd, simd).transpose(0, 2, 1, 3).reshape(-1, pe * simd)
    digits = -(-pe * simd * bits // 4)
    words = (sum((int(value) % 2**bits) << (index * bits) for index, value in enumerate(word)) for word in groups)
    return "".join(f"{word:0{digits}x}\n" for word in words)
