"""What lies where in a build folder, beyond what `radioml.run_directory` has: what only a build needs."""

from __future__ import annotations

from radioml.run_directory import (
    BITFILE_FOLDER,
    ESTIMATE,
    FOLDING,
    PACKAGE,
    RTL,
    SIMULATION,
    SIMULATION_REPORT,
    SYNTHESIS,
    VERIFY,
)

WORK = "finn"
STEPS = f"{WORK}/steps"
NETWORK = f"{STEPS}/00_QONNX.onnx"
FOLDED, WITH_FIFOS = f"{WORK}/folded.onnx", f"{WORK}/with_fifos.onnx"
UNSIZED = f"{WORK}/unsized_fifos.onnx"
GAUGE, GAUGE_LIBRARY = f"{WORK}/gauge", f"{WORK}/libgauge.so"
VENDOR = f"{WORK}/vendor"
CHIP, GATES = f"{WORK}/chip", f"{WORK}/gates.json"
"""Of a board on a serial line: the chip's netlist, routed design; how many golden frames its netlist answered."""
CYCLES = f"{SIMULATION}/cycles.json"
RECEIPTS = f"{WORK}/cache"


def graph_of_step(number: int, step: str) -> str:
    """The graph after a step, by its number in the order of the build, from 1, and its id."""
    return f"{STEPS}/{number:02}_{step}.onnx"


MADE = {
    "estimate": [ESTIMATE, STEPS, FOLDED, FOLDING],
    "rtl": [RTL, SIMULATION, WITH_FIFOS, PACKAGE],
    "synthesis": [SYNTHESIS],
    "bitfile": [BITFILE_FOLDER],
}
"""Stage -> the files and folders that it makes."""


def dropped_with(stage: str, shell: str) -> list[str]:
    """The stages whose results are of no use once `stage` is run again, the last first; shell: of the board.

    The bitfile of a board on a serial line is made of Yosys' netlists, another board's of the RTL.
    """
    stages = list(MADE)
    if stage == "synthesis" and shell != "serial":
        return [stage]
    return stages[stages.index(stage) :][::-1]


ONLY_FINN = (FOLDED, WITH_FIFOS)
"""What of these a build without FINN does not make."""
RESULTS = {
    "estimate": [ESTIMATE, VERIFY],
    "rtl": [PACKAGE, SIMULATION_REPORT, VERIFY],
    "bitfile": [BITFILE_FOLDER],
    "synthesis": [SYNTHESIS],
}
"""Stage -> files that are removed before the stage is run again, so that none of them can pass for its result.

Each step replaces the other files itself."""
