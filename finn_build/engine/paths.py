"""Where things lie in a build folder."""

from __future__ import annotations

ESTIMATE, RTL, SIMULATION, PACKAGE, BITFILE = "estimate.json", "rtl", "simulation", "package.zip", "bitfile"
FOLDING_FILE = "folding.json"
WORK = "finn"
STEPS = f"{WORK}/steps"
NETWORK = f"{STEPS}/00_QONNX.onnx"
FOLDED, WITH_FIFOS = f"{WORK}/folded.onnx", f"{WORK}/with_fifos.onnx"
UNSIZED, DESIGN = f"{WORK}/unsized_fifos.onnx", f"{WORK}/design.json"
GAUGE, GAUGE_DESIGN, GAUGE_LIBRARY = f"{WORK}/gauge", f"{WORK}/gauge_design.json", f"{WORK}/libgauge.so"
VENDOR = f"{WORK}/vendor"
DEPTHS, CYCLES = f"{SIMULATION}/fifo_depths.json", f"{SIMULATION}/cycles.json"
SIMULATION_REPORT, VERIFY = f"{SIMULATION}/simulation.json", "verify.json"
RECEIPTS = f"{WORK}/cache"


def graph_of_step(number: int, step: str) -> str:
    """The graph after a step, by its number in the order of the build, from 1, and its id."""
    return f"{STEPS}/{number:02}_{step}.onnx"


MADE = {
    "estimate": [ESTIMATE, STEPS, FOLDED, FOLDING_FILE],
    "rtl": [RTL, SIMULATION, WITH_FIFOS, PACKAGE],
    "bitfile": [BITFILE],
}
"""Stage -> the files and folders that it makes."""
RESULTS = {
    "estimate": [ESTIMATE, VERIFY],
    "rtl": [PACKAGE, SIMULATION_REPORT, VERIFY],
    "bitfile": [BITFILE],
}
"""Stage -> files that are removed before the stage is run again, so that none of them can pass for its result.

Each step replaces the other files itself."""
