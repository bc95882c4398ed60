"""One look at a run directory: what each stage left there, gathered from its JSON files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radioml.data.provenance import described, kind_of_data
from radioml.errors import RadioMLError
from radioml.reading.records import read_record
from radioml.report.metrics import over
from radioml.run_directory import (
    ACCURACY,
    BUILD,
    CHECKPOINT,
    DEPLOY,
    ESTIMATE,
    LAST,
    MODEL,
    SCORE,
    SIMULATION_REPORT,
    SYNTHESIS_REPORT,
    TRAIN,
)

Rows = list[tuple[str, str]]
"""(what, figure)."""


def summarise(run: Path) -> Rows:
    """Rows for the stages that a run has finished, in the order of the chain.

    Raises RadioMLError when `run` holds no result at all, and for a result that is damaged or lacks a figure.
    """
    rows: Rows = []
    if (path := run / TRAIN / SCORE).exists():
        cost = read_record(path, _Score, others=True)
        rows.append(("inference cost score", f"{cost.score:.6f} (VGG10 W8A8 baseline: 1; lower is better)"))
        if cost.conservative != cost.score:
            rows.append(("conservative score", f"{cost.conservative:.6f} (signs and fixed filters billed, too)"))
            rows.append(("strictest score", f"{cost.strictest:.6f} (every fixed linear combination billed, too)"))
    for folder in sorted((run / BUILD).glob("*/")):
        rows += _build(folder)
    if (path := run / DEPLOY / ACCURACY).exists():
        rows += _accuracy(read_record(path, _Accuracy, others=True))
    if not rows:
        rows = _begun(run)
    rows += [("plot", str(path)) for path in sorted(run.glob("*/*.png"))]
    return rows


def _begun(run: Path) -> Rows:
    """What lies in a run directory that has no figures yet, and what comes next; raises RadioMLError for none."""
    train = run / TRAIN
    if (model := train / MODEL).exists():
        return [("exported", str(model)), ("next", f"radioml score {model}")]
    if (checkpoint := train / CHECKPOINT).exists():
        return [("trained", str(checkpoint)), ("next", f"radioml export {checkpoint} --run {run}")]
    if (train / LAST).exists():
        return [("training", "interrupted, or under way"), ("next", "the same `radioml train` command continues it")]
    raise RadioMLError(f"{run}: no results there; give a run directory, as `radioml train` and `export` write it")


@dataclass(frozen=True)
class _Score:
    """What is shown of score.json."""

    score: float
    conservative: float
    strictest: float


@dataclass(frozen=True)
class _Speed:
    """What is shown of a build's speed, estimated or simulated."""

    board: str
    cycles_per_frame: int
    frames_per_second: float
    clock_mhz: float

    def __str__(self) -> str:
        return (
            f"{self.cycles_per_frame:,} cycles a frame, {self.frames_per_second:,.0f} frames/s at {self.clock_mhz:g} "
            "MHz"
        )


@dataclass(frozen=True)
class _Estimate(_Speed):
    """What is shown of estimate.json."""

    fits: bool


@dataclass(frozen=True)
class _Synthesis:
    """What is shown of synthesis.json."""

    kind: str
    board: str
    total: dict[str, int]


@dataclass(frozen=True)
class _Simulation(_Speed):
    """What is shown of simulation.json."""

    latency_us: float
    frames: int
    mismatching_frames: int
    reference: str


@dataclass(frozen=True)
class _Share:
    """A share of correct frames, as `radioml.report.metrics.Proportion` is written."""

    frames: int
    accuracy: float | None
    low: float
    high: float


@dataclass(frozen=True)
class _Trained:
    """What is shown of the accuracy that a checkpoint records; nothing where nobody measured it."""

    overall: float | None = None
    frames: int = 0
    data: str = ""
    at_30_db: float | None = None
    over: str = "all classes and SNRs"


@dataclass(frozen=True)
class _Accuracy:
    """What is shown of accuracy.json."""

    backend: str
    data: dict[str, Any]
    training_data: dict[str, Any]
    accuracy_of_the_trained_network: _Trained
    overall: _Share
    at_30_db: _Share
    over: str = "all classes and SNRs"


def _build(folder: Path) -> Rows:
    rows: Rows = []
    if (path := folder / ESTIMATE).exists():
        estimate = read_record(path, _Estimate, others=True)
        fits = "fits" if estimate.fits else "does not fit"
        rows.append((f"{estimate.board}, estimated", f"{estimate}, {fits}"))
    if (path := folder / SYNTHESIS_REPORT).exists():
        synthesis = read_record(path, _Synthesis, others=True)
        used = ", ".join(f"{count:,} {name}" for name, count in synthesis.total.items())
        rows.append((f"{synthesis.board}, {synthesis.kind}", used))
    if (path := folder / SIMULATION_REPORT).exists():
        simulated = read_record(path, _Simulation, others=True)
        equal = simulated.frames - simulated.mismatching_frames
        rows.append((f"{simulated.board}, RTL simulated", f"{simulated}, latency {simulated.latency_us:.1f} us"))
        rows.append((
            f"RTL against {simulated.reference}", f"{equal:,} of {simulated.frames:,} frames integer-equal",
        ))  # fmt: skip
    return rows


def _accuracy(found: _Accuracy) -> Rows:
    rows = [("network trained on", described(found.training_data))]
    trained = found.accuracy_of_the_trained_network
    if trained.overall is not None:
        rows.append((
            "its accuracy, after training",
            f"{trained.overall:.2%} over {over(vars(trained))}, of {trained.frames:,} frames: {trained.data}",
        ))  # fmt: skip
    for name, share in ((f"over {found.over}", found.overall), ("at +30 dB", found.at_30_db)):
        if share.accuracy is not None:
            rows.append((
                f"accuracy {name}",
                f"{share.accuracy:.1%} ({share.low:.1%} to {share.high:.1%} with 95 % confidence) of {share.frames:,} "
                f"frames of {kind_of_data(found.data)}, classified by {found.backend}",
            ))  # fmt: skip
    return rows
