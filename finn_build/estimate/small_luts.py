"""From 6-input LUTs, which all formulas here count, to the 4-input LUTs of an ECP5."""

from __future__ import annotations

from finn_build.boards import Board

OF_LAYERS, OF_UNIT = 3.1, 2.38
"""4-input LUTs that Yosys 0.70 (synth_ecp5) counts for each estimated 6-input LUT, before place and route.

OF_LAYERS: FINN's layers, by the sum of 21 layers of `polyphase_small` (2.2 to 4.7 a layer: 2.6 of paddings, 2.4 of
thresholds, 4.2 of multipliers, 2.2 to 4.5 of input generators). OF_UNIT: a statistics unit, by the shipped
`robust_record` at one sample a cycle. Of the shipped `record` the estimate is 1.04 of Yosys' count with this factor.
docs/results_synthesis.md.
"""


def luts_of(board: Board, luts: int, factor: float) -> int:
    """LUTs of the board's kind for a design of `luts` 6-input LUTs; factor: `OF_LAYERS` or `OF_UNIT`."""
    return round(luts * factor) if board.family == "ECP5" else luts


def caveats(board: Board) -> tuple[str, ...]:
    """Remarks on every estimate for the board."""
    if board.family != "ECP5":
        return ()
    return (
        f"a LUT has four inputs here: {OF_LAYERS} are taken for each that the formulas count of FINN's layers, "
        f"{OF_UNIT} of a statistics unit; flip-flops, which are not estimated, can be what a unit runs out of first",
    )
