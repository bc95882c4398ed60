"""`python -m tests.bench.hardware FOLDER [--topology NAME]... [--board NAME]...`: topologies in simulated hardware.

Each topology gets random weights (tests/seeded_network.py), is folded for each board as fast as leaves 10 % of its
resources, and built to RTL. Frames of all classes and SNRs go through the RTL, and some through every rung of `radioml
verify`. What FOLDER has already is not built again. The table that is printed has a line for each pair; a dash stands
for what was not run. The reason why a pair cannot be built is printed, too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from finn_build.boards import load_board
from finn_build.build import build
from finn_build.engine.paths import CYCLES
from finn_build.estimate.result import read_estimate
from finn_build.verify.golden_simulation import read_golden_simulation
from finn_build.verify.ladder import climb
from finn_build.verify.rung import Reference
from finn_build.verify.simulation_report import FrameLabels, report, simulate_build
from radioml.constants import CLASSES
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from radioml.reading.text import read_json
from radioml.run_directory import CHECKPOINT, ESTIMATE, MODEL, SIMULATION_REPORT, TRAIN, VERIFY, build_folder
from tests.seeded_network import exported
from training.models.registry import topologies
from training.trained.inner_levels import inner_levels

HEADER = (
    "topology", "board", "cycles, estimated", "simulated", "frames/s", "latency", "LUT", "DSP", "BRAM18",
    "frames equal", "rungs equal",
)  # fmt: skip
_FRAMES, _VERIFIED = 624, 26
_MARGIN_PERCENT = 10
_DATA = "synthetic, seed 6"


def run(topology: str, board: str, out: Path, until: str) -> None:
    """Build a pair `until` "estimate" or "rtl"; then compare its frames and rungs. Raises RadioMLError if it cannot."""
    model = out / topology / TRAIN / MODEL
    if not model.is_file():
        (out / topology).mkdir(parents=True, exist_ok=True)
        exported(out / topology, {}, topology=topology)
    folder = build(model, board, until, fit=True, margin_percent=_MARGIN_PERCENT).folder
    if until == "estimate":
        return
    frames = generate_spread(_FRAMES, seed=6)
    checkpoint = model.parents[1] / CHECKPOINT
    if not (folder / SIMULATION_REPORT).is_file():
        expected = inner_levels(checkpoint, frames.iq).logits
        manifest, simulated = simulate_build(folder, frames.iq, lambda done: None)
        labels = FrameLabels(tuple(CLASSES[index] for index in frames.class_index), tuple(frames.snr_db.tolist()))
        report(folder, manifest, simulated, expected, labels, _DATA, "Brevitas")
    if not (folder / VERIFY).is_file():
        frames = generate_spread(_VERIFIED, seed=6)
        trained = inner_levels(checkpoint, frames.iq)
        climb(folder, frames, Reference(trained.logits, trained.layers, trained.classifier), _DATA)


def row(topology: str, folder: Path) -> list[str]:
    """The cells of one build folder, as text."""
    estimate = read_estimate(folder / ESTIMATE)
    resources = [f"{estimate.total[name]:,}" for name in ("LUT", "DSP", "BRAM_18K")]
    simulated = ["-"] * 3
    if (folder / CYCLES).is_file():
        golden = read_golden_simulation(folder / CYCLES)
        rate = estimate.clock_mhz * 1e6 / golden.cycles_per_frame
        latency = golden.latency_cycles / estimate.clock_mhz
        simulated = [f"{golden.cycles_per_frame:,}", f"{rate:,.0f}", f"{latency:,.1f} us"]
    return [
        topology, estimate.board, f"{estimate.cycles_per_frame:,}", *simulated, *resources, _frames(folder),
        _rungs(folder),
    ]  # fmt: skip


def markdown(rows: list[list[str]]) -> str:
    """The table in Markdown."""
    lines = [list(HEADER), ["---"] * len(HEADER), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _frames(folder: Path) -> str:
    if not (folder / SIMULATION_REPORT).is_file():
        return "-"
    value = read_json(folder / SIMULATION_REPORT)
    return f"{value['frames'] - value['mismatching_frames']:,} of {value['frames']:,}"


def _rungs(folder: Path) -> str:
    if not (folder / VERIFY).is_file():
        return "-"
    value: dict[str, Any] = read_json(folder / VERIFY)
    compared = min(len(rung["layers_compared"]) for rung in value["rungs"])
    equal = sum(rung["equal"] for rung in value["rungs"])
    return f"{equal} of {len(value['rungs'])}; {compared} of {value['layers']} layers"


def main() -> None:
    """Run what the arguments name, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--topology", action="append", choices=topologies())
    parser.add_argument("--board", action="append")
    parser.add_argument("--until", choices=("estimate", "rtl"), default="rtl")
    given = parser.parse_args()
    rows = []
    for topology in given.topology or topologies():
        for board in given.board or ["ZCU104", "Pynq-Z2"]:
            folder = build_folder(given.folder / topology / TRAIN / MODEL, load_board(board).name)
            try:
                run(topology, board, given.folder, given.until)
            except RadioMLError as error:
                print(f"{topology} on {board}: {error}", file=sys.stderr)
            if (folder / ESTIMATE).is_file():
                rows.append(row(topology, folder))
            else:
                rows.append([topology, board, *["cannot be built"], *["-"] * (len(HEADER) - 3)])
    print(markdown(rows), end="")


if __name__ == "__main__":
    main()
