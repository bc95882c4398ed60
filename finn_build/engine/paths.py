"""Files of a build folder that only the build needs. `radioml.run_directory` names all others."""

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
"""Of a serial board: folder of the chip's netlist and routed design; how many golden frames the netlist answered."""
CYCLES = f"{SIMULATION}/cycles.json"
RECEIPTS = f"{WORK}/cache"


def graph_of_step(number: int, step: str) -> str:
    """File of the graph after a step; number: of the step in the build's order, from 1; step: its id."""
    return f"{STEPS}/{number:02}_{step}.onnx"


MADE = {
    "estimate": [ESTIMATE, STEPS, FOLDED, FOLDING],
    "rtl": [RTL, SIMULATION, WITH_FIFOS, PACKAGE],
    "synthesis": [SYNTHESIS],
    "bitfile": [BITFILE_FOLDER],
}
"""Stage -> the files and folders that it makes."""


def dropped_with(stage: str, shell: str) -> list[str]:
    """The stages whose results become invalid when `stage` runs again, the last first; shell: of the board.

    The bitfile of a serial board is made from Yosys' netlists, the bitfile of every other board from the RTL.
    """
    stages = list(MADE)
    if stage == "synthesis" and shell != "serial":
        return [stage]
    return stages[stages.index(stage) :][::-1]


ONLY_FINN = (FOLDED, WITH_FIFOS)
"""Files of `MADE` that a build without FINN does not make."""
RESULTS = {
    "estimate": [ESTIMATE, VERIFY],
    "rtl": [PACKAGE, SIMULATION_REPORT, VERIFY],
    "bitfile": [BITFILE_FOLDER],
    "synthesis": [SYNTHESIS],
}
"""Stage -> files that are removed before the stage runs again, so that an old file cannot pass for its result.

All other files are replaced by the step that makes them."""
