"""One look at a run directory: what each stage left there, gathered from its JSON files."""

from __future__ import annotations

from pathlib import Path

from radioml.contract.accuracy import DriverAccuracy
from radioml.contract.estimate import Estimate
from radioml.contract.score import Score
from radioml.contract.simulation import SimulationReport
from radioml.contract.synthesis import Synthesis
from radioml.data.provenance import described, kind_of_data
from radioml.errors import RadioMLError
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
        cost = Score.read(path)
        rows.append(("inference cost score", f"{cost.score:.6f} (VGG10 W8A8 baseline: 1; lower is better)"))
        if cost.conservative != cost.score:
            rows.append(("conservative score", f"{cost.conservative:.6f} (signs and fixed filters billed, too)"))
            rows.append(("strictest score", f"{cost.strictest:.6f} (every fixed linear combination billed, too)"))
    for folder in sorted((run / BUILD).glob("*/")):
        rows += _build(folder)
    if (path := run / DEPLOY / ACCURACY).exists():
        rows += _accuracy(DriverAccuracy.read(path))
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


def _build(folder: Path) -> Rows:
    rows: Rows = []
    if (path := folder / ESTIMATE).exists():
        estimate = Estimate.read(path)
        fits = "fits" if estimate.fits else "does not fit"
        rows.append((f"{estimate.board}, estimated", f"{_speed(estimate)}, {fits}"))
    if (path := folder / SYNTHESIS_REPORT).exists():
        synthesis = Synthesis.read(path)
        used = ", ".join(f"{count:,} {name}" for name, count in synthesis.total.items())
        rows.append((f"{synthesis.board}, {synthesis.kind}", used))
    if (path := folder / SIMULATION_REPORT).exists():
        simulated = SimulationReport.read(path)
        latency = f"latency {simulated.latency_us:.1f} us"
        rows.append((f"{simulated.board}, RTL simulated", f"{_speed(simulated)}, {latency}"))
        rows.append((
            f"RTL against {simulated.reference}",
            f"{simulated.equal_frames:,} of {simulated.frames:,} frames integer-equal",
        ))  # fmt: skip
    return rows


def _speed(of: Estimate | SimulationReport) -> str:
    return f"{of.cycles_per_frame:,} cycles a frame, {of.frames_per_second:,.0f} frames/s at {of.clock_mhz:g} MHz"


def _accuracy(found: DriverAccuracy) -> Rows:
    rows = [("network trained on", described(found.training_data))]
    trained = found.accuracy_of_the_trained_network
    if trained.overall is not None:
        rows.append((
            "its accuracy, after training",
            f"{trained.overall:.2%} over {trained.scope_and_top}, of {trained.frames:,} frames: {trained.data}",
        ))  # fmt: skip
    for name, share in ((f"over {found.over}", found.overall), ("at +30 dB", found.at_30_db)):
        if share.accuracy is not None:
            rows.append((
                f"accuracy {name}",
                f"{share.accuracy:.1%} ({share.low:.1%} to {share.high:.1%} with 95 % confidence) of {share.frames:,} "
                f"frames of {kind_of_data(found.data.kind)}, classified by {found.backend}",
            ))  # fmt: skip
    return rows
