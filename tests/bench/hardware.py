"""`python -m tests.bench.hardware FOLDER [--topology NAME]... [--board NAME]...`: every network in simulated hardware.

The networks are those of `radioml models list`, the cheapest first, with random weights (tests/seeded_network.py).
symbol_statistics is replaced by the shipped robust_record, because a training by ablation decides which weights remain.
For each board a network gets the fastest folding that leaves 10 % of the board's resources, and is built to RTL;
robust_record_by_1 takes a sample a cycle instead. Frames of all classes and SNRs go through the RTL, and some of them
through every rung of `radioml verify`.

Each pair has a row, FOLDER/NETWORK/BOARD.json, written after each stage. A finished row is read. An unfinished row
continues with the stage that it lacks. FOLDER/hardware.json and hardware.md are the table. The exit code is 1 where an
integer differs, and where a network cannot be built for another reason than the board's size.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from finn_build.boards import load_board
from finn_build.build import build
from finn_build.exploration.choose_folding import DoesNotFitError
from finn_build.statistics_unit.unit import NAME
from finn_build.verify.ladder import climb
from finn_build.verify.rung import Reference
from finn_build.verify.simulation_report import FrameLabels, report, simulate_build
from radioml.constants import CLASSES
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from radioml.files import sha256, write_json, write_text
from radioml.run_directory import CHECKPOINT, MODEL, TRAIN, build_folder
from tests.bench.hardware_row import Row, markdown, read_row, row_of
from tests.repository import REPOSITORY
from tests.seeded_network import exported
from training.experiments.experiment import load_experiment
from training.experiments.zoo import read_zoo
from training.trained.export import export
from training.trained.inner_levels import inner_levels

SHIPPED = REPOSITORY / "training" / "pretrained" / "robust_record.pth"
BOARDS = ("ZCU104", "Pynq-Z2")
_MARGIN_PERCENT = 10
_SEED = 6
_DATA = f"synthetic, seed {_SEED}"


@dataclass(frozen=True)
class Network:
    """Where a network comes from, a topology with its parameters or a checkpoint, and how its build is folded.

    folding: content of a folding file; without one it is as fast as fits.
    """

    topology: str = ""
    parameters: Any = None
    checkpoint: Path | None = None
    folding: Any = None

    def model(self, run: Path) -> Path:
        """model.onnx in a run directory, exported once."""
        path, copied = run / TRAIN / MODEL, run / TRAIN / CHECKPOINT
        if path.is_file() and (not self.checkpoint or sha256(copied) == sha256(self.checkpoint)):
            return path
        run.mkdir(parents=True, exist_ok=True)
        if self.checkpoint:
            return export(self.checkpoint, run / TRAIN)
        return exported(run, self.parameters, topology=self.topology)

    def weights(self) -> str:
        """Where the weights are from; of a checkpoint, which one."""
        return f"shipped, {sha256(self.checkpoint)[:12]}" if self.checkpoint else "random"

    def goal(self, run: Path) -> dict[str, Any]:
        """The options of `build` that fold the network."""
        if self.folding is None:
            return {"fit": True, "margin_percent": _MARGIN_PERCENT}
        write_json(file := run / "folding.json", self.folding)
        return {"folding_file": file}


def networks() -> dict[str, Network]:
    """Name -> network, the cheapest by score first; of experiments that differ only in training, the first."""
    found = {
        "robust_record": Network(checkpoint=SHIPPED),
        "robust_record_by_1": Network(checkpoint=SHIPPED, folding={NAME: {"SIMD": 1}}),
    }
    for entry in sorted(read_zoo().entries, key=lambda entry: entry.score):
        experiment = load_experiment(entry.experiment)
        network = Network(experiment.topology, experiment.parameters)
        if experiment.topology != "symbol_statistics" and network not in found.values():
            found[entry.experiment] = network
    return found


def rows_of(
    name: str, network: Network, board: str, out: Path, until: str, frames: int, verified: int
) -> Iterator[Row]:
    """The row of a network on a board after each stage, built `until` "estimate" or "rtl"."""
    run, limits = out / name, load_board(board)
    row = Row(name, limits.name, network.weights(), limits.clock_mhz)
    try:
        model = network.model(run)
        folder = build_folder(model, limits.name)
        build(model, board, until, **network.goal(run))
        yield (row := row_of(row, folder))
        if until == "estimate":
            return
        checkpoint = run / TRAIN / CHECKPOINT
        if (row.frames or 0) < frames:
            chosen = generate_spread(frames, _SEED)
            manifest, simulated = simulate_build(folder, chosen.iq, lambda done: None)
            labels = FrameLabels(tuple(CLASSES[index] for index in chosen.class_index), tuple(chosen.snr_db.tolist()))
            report(folder, manifest, simulated, inner_levels(checkpoint, chosen.iq).logits, labels, _DATA, "Brevitas")
            yield (row := row_of(row, folder))
        if (row.verified or 0) < verified:
            chosen = generate_spread(verified, _SEED)
            trained = inner_levels(checkpoint, chosen.iq)
            climb(folder, chosen, Reference(trained.logits, trained.layers, trained.classifier), _DATA)
            yield row_of(row, folder)
    except DoesNotFitError as error:
        yield replace(row, problem=f"does not fit: {', '.join(error.excess)}", does_not_fit=True)
    except RadioMLError as error:
        print(f"{name} on {board}: {error}", file=sys.stderr)
        yield replace(row_of(row, build_folder(run / TRAIN / MODEL, limits.name)), problem=str(error).split("\n")[0])


def finished_row(path: Path, network: Network, until: str, frames: int, verified: int) -> Row | None:
    """The row in a file, if it has the network's weights and everything that is asked for."""
    row = read_row(path) if path.is_file() else None
    return row if row and row.weights == network.weights() and row.is_finished(until, frames, verified) else None


def main() -> None:
    """Run what the arguments name, and print and write the table."""
    known = networks()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--topology", action="append", choices=list(known))
    parser.add_argument("--board", action="append")
    parser.add_argument("--until", choices=("estimate", "rtl"), default="rtl")
    parser.add_argument("--frames", type=int, default=len(CLASSES) * 26, help="back to back; default: all cells once")
    parser.add_argument("--verified", type=int, default=26, help="frames on every rung of `radioml verify`; 0: no rung")
    given = parser.parse_args()
    asked = (given.until, given.frames, given.verified)
    rows: list[Row] = []
    for board in given.board or BOARDS:
        for name in given.topology or known:
            path = given.folder / name / f"{load_board(board).name}.json"
            row = finished_row(path, known[name], *asked)
            if row is None:
                for row in rows_of(name, known[name], board, given.folder, *asked):
                    row.write(path)
            if row is not None:
                rows.append(row)
            write_json(given.folder / "hardware.json", [asdict(one) for one in rows])
            write_text(given.folder / "hardware.md", markdown(rows))
    print(markdown(rows), end="")
    sys.exit(not all(row.is_sound() for row in rows))


if __name__ == "__main__":
    main()
