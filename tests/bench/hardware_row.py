"""A row of the table of `tests.bench.hardware`: what a build folder holds of a network on a board, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from finn_build.engine.paths import CYCLES
from radioml.contract.estimate import Estimate
from radioml.contract.ladder import LadderReport
from radioml.contract.simulation import GoldenSimulation, SimulationReport
from radioml.files import write_json
from radioml.reading.records import read_record
from radioml.run_directory import ESTIMATE, SIMULATION_REPORT, VERIFY

HEADER = (
    "network", "board", "cycles a frame, estimated", "simulated", "frames/s", "latency", "LUT", "DSP", "BRAM18",
    "frames equal", "rungs equal", "layers compared in RTL",
)  # fmt: skip
_NOT_RUN = "-"


@dataclass(frozen=True)
class Row:
    """A network on a board; None stands for what was not run.

    network, board: their names. clock_mhz: of the board. weights: where they are from.
    problem: why there is no RTL, or no estimate either. does_not_fit: whether the reason is a lack of resources.
    estimated_cycles, lut, dsp, bram_18k: by formulas.
    cycles, latency_us: initiation interval and latency of the simulated RTL.
    frames, frames_equal: frames that went through the RTL back to back, and those with all logits equal to Brevitas'.
    rungs, rungs_equal: of `radioml verify`. verified: frames on each rung.
    layers: activations of the network, and the logits. layers_compared: those that every rung of RTL gave.
    """

    network: str
    board: str
    weights: str
    clock_mhz: float
    problem: str = ""
    does_not_fit: bool = False
    estimated_cycles: int | None = None
    lut: int | None = None
    dsp: int | None = None
    bram_18k: int | None = None
    cycles: int | None = None
    latency_us: float | None = None
    frames: int | None = None
    frames_equal: int | None = None
    rungs: int | None = None
    rungs_equal: int | None = None
    verified: int | None = None
    layers: int | None = None
    layers_compared: int | None = None

    def is_finished(self, until: str, frames: int, verified: int) -> bool:
        """Whether everything that was asked for has been run."""
        if self.does_not_fit or (until == "estimate" and self.estimated_cycles is not None):
            return True
        return not self.problem and (self.frames or 0) >= frames and (self.verified or 0) >= verified

    def is_sound(self) -> bool:
        """Whether all compared integers are equal, and the only problem, if any, is the board's size."""
        return (self.does_not_fit or not self.problem) and (self.frames, self.rungs) == (
            self.frames_equal, self.rungs_equal,
        )  # fmt: skip

    def cells(self) -> list[str]:
        """As text, in the order of `HEADER`."""
        if self.estimated_cycles is None:
            return [self.network, self.board, self.problem, *[_NOT_RUN] * (len(HEADER) - 3)]
        rate = f"{self.clock_mhz * 1e6 / (self.cycles or self.estimated_cycles):,.0f}"
        return [
            self.network,
            f"{self.board} ({self.clock_mhz:g} MHz)",
            f"{self.estimated_cycles:,}",
            self.problem or _text(self.cycles),
            rate if self.cycles else f"{rate}, estimated",
            _NOT_RUN if self.latency_us is None else f"{self.latency_us:,.1f} us",
            *map(_text, (self.lut, self.dsp, self.bram_18k)),
            _share(self.frames_equal, self.frames),
            _share(self.rungs_equal, self.rungs) + (f", {self.verified:,} frames each" if self.verified else ""),
            _share(self.layers_compared, self.layers),
        ]

    def write(self, path: Path) -> None:
        """Write the row as JSON."""
        write_json(path, asdict(self))


def read_row(path: Path) -> Row:
    """Read what `Row.write` wrote; raises RadioMLError for a file that is missing or damaged."""
    return read_record(path, Row)


def row_of(begun: Row, folder: Path) -> Row:
    """The row `begun`, a name and a board, with what a build folder holds so far."""
    value = asdict(begun)
    if (folder / ESTIMATE).is_file():
        estimate = Estimate.read(folder / ESTIMATE)
        value["estimated_cycles"] = estimate.cycles_per_frame
        value |= {name.lower(): estimate.total[name] for name in ("LUT", "DSP", "BRAM_18K")}
    if (folder / CYCLES).is_file():
        golden = GoldenSimulation.read(folder / CYCLES)  # written when all golden frames are equal
        value |= {"cycles": golden.cycles_per_frame, "latency_us": golden.latency_cycles / begun.clock_mhz}
        value |= {"frames": golden.frames, "frames_equal": golden.frames}
    if (folder / SIMULATION_REPORT).is_file():
        simulated = SimulationReport.read(folder / SIMULATION_REPORT)
        value |= {"frames": simulated.frames, "frames_equal": simulated.equal_frames}
    if (folder / VERIFY).is_file():
        report = LadderReport.read(folder / VERIFY)
        in_rtl = [rung for rung in report.rungs if rung.name.startswith("RTL")]
        value |= {"rungs": len(report.rungs), "rungs_equal": sum(rung.equal for rung in report.rungs)}
        value |= {"verified": report.frames, "layers": report.layers}
        value["layers_compared"] = min((len(rung.layers_compared) for rung in in_rtl), default=None)
    return Row(**value)


def markdown(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    lines = [list(HEADER), ["---"] * len(HEADER), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _text(number: int | None) -> str:
    return _NOT_RUN if number is None else f"{number:,}"


def _share(part: int | None, whole: int | None) -> str:
    return _NOT_RUN if part is None or whole is None else f"{part:,} of {whole:,}"
