"""From LUTs of six inputs, which all formulas here count, to those of four inputs that an ECP5 has."""

from __future__ import annotations

from finn_build.boards import Board

OF_LAYERS, OF_UNIT = 3.1, 1.61
"""LUTs of four inputs that Yosys 0.70 (synth_ecp5) counts for each that is estimated, without place and route.

Of FINN's layers: the sum of 21 layers of `polyphase_small` (2.2 to 4.7 a layer: 2.6 of paddings, 2.4 of thresholds, 4.2
of multipliers, 2.2 to 4.5 of input generators). Of a statistics unit: the shipped `robust_record`, one sample a cycle,
with an adder for every weight; with sums that take turns, as it is now, the factor gives 0.91 of Yosys' count.
docs/results_synthesis.md.
"""


def luts_of(board: Board, luts: int, factor: float) -> int:
    """LUTs of the board's kind, where a design takes `luts` of six inputs; factor: one of those above."""
    return round(luts * factor) if board.family == "ECP5" else luts


def caveats(board: Board) -> tuple[str, ...]:
    """What is to be known with the estimate."""
    if board.family != "ECP5":
        return ()
    return (
        f"a LUT has four inputs here: {OF_LAYERS} are taken for each that the formulas count of FINN's layers, "
        f"{OF_UNIT} of a statistics unit; flip-flops, which are not estimated, can be what a unit runs out of first",
    )
