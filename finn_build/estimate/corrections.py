"""Corrections of FINN's resource estimates, layer by layer.

Counted here:

- DSPs of RTL matrix-vector units, by the packing of mvu.sv (`Multiplier.lanes`). FINN counts four multiplications a
  DSP at every width.
- LUTs of RTL matrix-vector units, by the structure of mvu.sv and add_multi.sv: `Multiplier.luts`.
- LUTs of the weight memories of these units (`weight_memory_luts`). FINN counts block RAM only.
- LUTs of paddings: `padding_luts`.
- LUTs of thresholds and of input generators: FINN's figure times a factor that was fitted to Yosys' counts.
- LUTs of the FIFO and the width converter in front of a layer, and of the FIFO at the output: `stream_luts`. Where
  branches meet, the FIFO holds the words that must wait there (`waiting_words`).

Layers of `rtl_layers` count their own resources. Not counted: flip-flops, the control of thresholding, I/O DMA and the
shell, and whatever place and route adds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil, gcd
from typing import TYPE_CHECKING

from finn_build.estimate.branch_fifos import waiting_words
from finn_build.folding.parallelism import producers

if TYPE_CHECKING:
    import numpy as np
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
    from qonnx.core.modelwrapper import ModelWrapper

    from finn_build.boards import Board

CORRECTED = ("LUT", "DSP")
_INPUT_GENERATOR = "ConvolutionInputGenerator_rtl"
COUNTED = {"Thresholding_rtl": 1.73, _INPUT_GENERATOR: 0.51}
"""Kind of layer -> LUTs that Yosys 0.70 counts for each LUT that FINN estimates, without streams.

Fitted by least squares to 9 layers of each kind, of two networks, and tested on 10 of each kind of a third network.
There the estimate is 0.97 to 1.18 of Yosys' count for thresholds (0.63 to 0.78 without the factor) and 0.83 to 1.10 for
input generators (1.49 to 1.71 without it); docs/results_synthesis.md. Input generators that give a whole window a cycle
were not among them and keep FINN's figure. Nobody has compared the factors with Vivado.
"""
NOT_COUNTED = "flip-flops, control of thresholding, I/O DMA, shell"
_FIFO_WORDS = 18
"""Approximate depth that FIFO sizing gives nearly every FIFO. Up to 33 words are a shift register of one LUT a bit."""


def corrections(model: ModelWrapper, board: Board) -> dict[str, dict[str, int]]:
    """Layer -> LUTs and DSPs to add to FINN's estimate of the layer; negative numbers are taken off."""
    from finn.util.basic import getHWCustomOp

    operators = [(node, getHWCustomOp(node)) for node in model.graph.node]
    waiting = waiting_words(model)
    found = {}
    for node, operator in operators:
        before = producers(model, operator)
        luts = 0
        for index, producer in before:
            widths = producer.get_outstream_width(), operator.get_instream_width(index)
            luts += stream_luts(*widths, waiting.get((node.name, index), 0))
        if not before:
            luts += fifo_luts(operator.get_instream_width())
        if model.find_direct_successors(node) is None:
            luts += fifo_luts(operator.get_outstream_width())
        dsps = 0
        if node.op_type == "MVAU_rtl":
            shape = Multiplier.of(operator, model.get_initializer(node.input[1]), board)
            luts += shape.luts() + weight_memory_luts(operator)
            dsps = shape.dsps() - operator.dsp_estimation(board.part)
        elif node.op_type == "FMPadding_rtl":
            luts += padding_luts(operator.get_instream_width())
        elif node.op_type in COUNTED:
            luts += counted_luts(operator, board.part)
        found[node.name] = {"LUT": luts, "DSP": dsps}
    return found


@dataclass(frozen=True)
class Multiplier:
    """An RTL matrix-vector unit: PE x SIMD multiplications of `weight_bits` x `activation_bits` a cycle.

    multiplier_bits: of the wider operand of the multiplier: 25 of a DSP48E1, 27 of a DSP48E2, 18 of an ECP5.
    narrow: whether the most negative number of the weights' width does not occur.
    replayed_words: input words that are stored and used again for each group of PE outputs; 0 for a single group.
    """

    pe: int
    simd: int
    weight_bits: int
    activation_bits: int
    accumulator_bits: int
    multiplier_bits: int
    narrow: bool
    replayed_words: int

    @classmethod
    def of(cls, operator: HWCustomOp, weights: np.ndarray, board: Board) -> Multiplier:
        """The unit of an MVAU_rtl layer with these weights, on a board."""
        pe, simd = operator.get_nodeattr("PE"), operator.get_nodeattr("SIMD")
        return cls(
            pe=pe,
            simd=simd,
            weight_bits=operator.get_input_datatype(1).bitwidth(),
            activation_bits=operator.get_input_datatype(0).bitwidth(),
            accumulator_bits=operator.get_output_datatype().bitwidth(),
            multiplier_bits={"Zynq-7000": 25, "ECP5": 18}.get(board.family, 27),
            narrow=bool(weights.min() > operator.get_input_datatype(1).min()),
            replayed_words=operator.get_nodeattr("MW") // simd if operator.get_nodeattr("MH") > pe else 0,
        )

    def lanes(self) -> int:
        """Multiplications a DSP: NUM_LANES of mvu.sv, two of 8 x 8 bits, three of 4 x 8, four of 4 x 4."""
        lane = self.weight_bits + self.activation_bits - 1
        return 1 + max(0, self.multiplier_bits - (not self.narrow) - self.weight_bits) // lane

    def dsps(self) -> int:
        """PIPE_COUNT x SIMD of mvu.sv."""
        return ceil(self.pe / self.lanes()) * self.simd

    def luts(self) -> int:
        """LUTs by the structure of mvu.sv, one LUT for each bit of each adder.

        Lanes that share DSPs form a group. For each lane of a group:

        - an adder tree over SIMD for the lane's low part (`_tree` of lane-wide numbers),
        - an adder tree for the lane's overflows (numbers of -1, 0, 1) and an accumulator of them,
        - the addition of both.

        For each DSP there are 7 LUTs at each boundary between lanes (two bits of the product, their sum and their
        difference), and 3 for the sign. The unit also has an output queue, which is a shift register of one LUT a bit,
        a replay buffer of 32 x 2 bits a LUT, and 40 LUTs of control.

        The figure is 0.88 to 1.14 of what Yosys 0.70 (synth_xilinx) counts for 15 units of 1 to 192 DSPs; the number
        of DSPs is the same. Nobody has compared the figure with Vivado.
        """
        lanes, widths = self.lanes(), self._lane_widths()
        luts = 40 + self.pe * self.accumulator_bits
        for first in range(0, self.pe, lanes):
            used = min(lanes, self.pe - first)
            luts += self.simd * (7 * (used - 1) + 3)
            for lane in range(lanes - used, lanes):
                width, high = widths[lane], self.accumulator_bits - widths[lane]
                luts += self.accumulator_bits + _tree(self.simd, partial(_sum_bits, width))
                if lane < lanes - 1 or high > 0:
                    luts += _tree(self.simd, _carry_bits) + max(0, high)
                    luts += 1 + _log2(self.simd) if lane < lanes - 1 else 0
        return luts + ceil(self.simd * self.activation_bits / 2) * ceil(self.replayed_words / 32)

    def _lane_widths(self) -> list[int]:
        """Bits of each lane, the rightmost first: sliceLanes of mvu.sv."""
        lanes, lane = self.lanes(), self.weight_bits + self.activation_bits - 1
        slack = self.multiplier_bits - (not self.narrow) - self.weight_bits - (lanes - 1) * lane
        widths = []
        for index in range(1, lanes):
            extra = (slack + lanes - 1 - index) // (lanes - index)
            widths.append(lane + extra)
            slack -= extra
        return [*widths, min(self.accumulator_bits, 48 - sum(widths))]


def _tree(leaves: int, bits: Callable[[int], int]) -> int:
    """Bits of all adders of add_multi.sv's heap-ordered tree; bits: width of a sum, by the number of its leaves."""
    below = [0] * (leaves - 1) + [1] * leaves
    for node in range(leaves - 2, -1, -1):
        below[node] = below[2 * node + 1] + below[2 * node + 2]
    return sum(bits(count) for count in below[: leaves - 1])


def _log2(value: int) -> int:
    """The logarithm to base 2, rounded up."""
    return (value - 1).bit_length()


def _sum_bits(width: int, count: int) -> int:
    return _log2(count) + width


def _carry_bits(count: int) -> int:
    return 1 + _log2(count + 1)


def weight_memory_luts(operator: HWCustomOp) -> int:
    """LUTs of memstream.sv: its output buffer and, where it lies in LUTs, the memory.

    The buffer is a shift register of one LUT a bit. The memory follows FINN's own fit for LUT memories: 32 words of 2
    bits a LUT, and a quarter on top for writing and selecting.
    """
    from finn.util.resource_models import _lutram_luts

    bits = operator.get_instream_width(1)
    in_luts = operator.get_nodeattr("ram_style") == "distributed"
    return bits + (_lutram_luts(operator.calc_wmem(), bits) if in_luts else 0)


def fifo_luts(bits: int, waiting: int = 0) -> int:
    """LUTs of a FIFO of `_FIFO_WORDS` + `waiting` words, by FINN's fit against fifo.sv."""
    from finn.util.resource_models import _fifo_cost

    return _fifo_cost(_FIFO_WORDS + waiting, ceil(bits / 8) * 8, "srl").lut


def stream_luts(given: int, taken: int, waiting: int = 0) -> int:
    """LUTs of a stream between two layers.

    Between equal widths lies one FIFO, between others a width converter and a FIFO on either side. The converter's
    formula is that of FINN's StreamingDataWidthConverter.lut_estimation: a register of the common multiple of both
    widths, and a counter.

    Args:
        given, taken: bits of a word that one layer gives and the other takes.
        waiting: words that wait in the FIFO in front of the second layer.
    """
    if given == taken:
        return fifo_luts(given, waiting)
    common = given * taken // gcd(given, taken)
    luts = 0
    if given != common:
        luts += (common // given).bit_length() - 1 + common
    if taken != common:
        luts += (common // taken).bit_length() - 1 + taken
    return fifo_luts(given) + luts + fifo_luts(taken, waiting)


def counted_luts(operator: HWCustomOp, part: str) -> int:
    """LUTs to add to FINN's figure of a layer of `COUNTED`, on an FPGA `part`."""
    kind = operator.onnx_node.op_type
    if kind == _INPUT_GENERATOR and operator.get_nodeattr("parallel_window"):
        return 0
    return round((COUNTED[kind] - 1) * operator.node_res_estimation(part)["LUT"])


def padding_luts(bits: int) -> int:
    """LUTs of fmpadding_axi.sv on a stream with words of `bits` bits: a multiplexer for each bit, and counters.

    Fitted to Yosys 0.70 (synth_xilinx): 53, 80 to 82 and 114 LUTs for 8, 32 and 64 bits.
    """
    return 50 + bits
