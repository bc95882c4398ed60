"""What lies in a run directory, for its page: the JSON files that the stages left there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radioml.contract.estimate import Estimate, read_estimate
from radioml.errors import RadioMLError
from radioml.reading.text import read_json
from radioml.run_directory import (
    ACCURACY,
    BENCH,
    BITFILE_FOLDER,
    BUILD,
    DEPLOY,
    ESTIMATE,
    EVALUATION,
    EVALUATION_REPORT,
    FIFO_DEPTHS,
    IMPLEMENTATION,
    METRICS,
    SCORE,
    SIMULATION_REPORT,
    SYNTHESIS_REPORT,
    TRAIN,
    VERIFY,
)


@dataclass(frozen=True)
class Measurement:
    """One measurement of accuracy.

    name: who measured. metrics: `Metrics.to_dict`, of at least one frame. kind: kind of the data, "real", "synthetic"
    or "unknown"; data: the data in words.
    """

    name: str
    metrics: dict[str, Any]
    kind: str
    data: str


@dataclass(frozen=True)
class BuildContent:
    """The files of a build folder; None for one that is not there.

    estimate: estimate.json; simulation: simulation.json; depths: FIFO -> words; ladder: verify.json; synthesis:
    synthesis.json; implementation: what the vendor's tools reported.
    """

    estimate: Estimate
    simulation: dict[str, Any] | None
    depths: dict[str, int] | None
    ladder: dict[str, Any] | None
    synthesis: dict[str, Any] | None
    implementation: dict[str, Any] | None

    @property
    def board(self) -> str:
        """Name of the board."""
        return self.estimate.board

    @property
    def frames_per_second(self) -> float:
        """The simulated rate, else the estimated one."""
        return float(self.simulation["frames_per_second"]) if self.simulation else self.estimate.frames_per_second


@dataclass(frozen=True)
class RunContent:
    """A run directory.

    name: of the directory. measurements: that of most frames first. score: score.json; bench: bench.json.
    """

    name: str
    measurements: Sequence[Measurement]
    score: dict[str, Any] | None
    builds: Sequence[BuildContent]
    bench: dict[str, Any] | None

    @property
    def valid_score(self) -> float | None:
        """The official score; None where there is none, or where the cost function does not know an operation."""
        return float(self.score["score"]) if self.score and self.score["valid"] else None


def read_run(run: Path) -> RunContent:
    """Read a run directory; raises RadioMLError where it holds nothing to report, or a damaged file."""
    builds = [_build(folder) for folder in sorted((run / BUILD).glob("*/")) if (folder / ESTIMATE).is_file()]
    content = RunContent(
        name=run.resolve().name,
        measurements=measurements(run),
        score=_read(run / TRAIN / SCORE, "score", "conservative", "strictest", "valid", "layers", "bit_ops", "bit_mem"),
        builds=builds,
        bench=_read(run / DEPLOY / BENCH, "figures", "runs_on", "batches", "latency_of_one_frame", "streaming"),
    )
    if not (content.measurements or content.score or content.builds or content.bench):
        raise RadioMLError(
            f"{run}: nothing to report; give a run directory, as `radioml train`, `export` and `score` write it"
        )
    return content


def _read(path: Path, *keys: str) -> dict[str, Any] | None:
    """A JSON object with these keys at least; None where the file is not there."""
    if not path.is_file():
        return None
    value = read_json(path)
    if not isinstance(value, dict) or (missing := [key for key in keys if key not in value]):
        lacks = f"it lacks {', '.join(missing)}" if isinstance(value, dict) else "it is no JSON object"
        raise RadioMLError(f"{path}: {lacks}; another version wrote the file; run the command that makes it again")
    return value


def _build(folder: Path) -> BuildContent:
    return BuildContent(
        estimate=read_estimate(folder / ESTIMATE),
        simulation=_read(
            folder / SIMULATION_REPORT, "frames", "mismatching_frames", "cycles_per_frame", "frames_per_second"
        ),
        depths=_read(folder / FIFO_DEPTHS),
        ladder=_read(folder / VERIFY, "rungs", "frames", "layers", "data"),
        synthesis=_read(folder / SYNTHESIS_REPORT, "layers", "total", "tool"),
        implementation=_read(folder / BITFILE_FOLDER / IMPLEMENTATION, "tool", "timing_met"),
    )


def measurements(run: Path) -> list[Measurement]:
    """All measurements of accuracy in a run directory, that of most frames first; raises RadioMLError as `read_run`."""
    files = [("after training, test part", run / TRAIN / METRICS)]
    files += [
        (f"evaluated: {path.parent.name}", path) for path in sorted(run.glob(f"{EVALUATION}/*/{EVALUATION_REPORT}"))
    ]
    files += [("driver", run / DEPLOY / ACCURACY)]
    found = []
    for name, path in files:
        metrics = _read(path, "overall", "over", "at_30_db", "per_snr_db", "per_class", "confusion", "data")
        if metrics and metrics["overall"]["frames"]:
            data = metrics["data"]
            backend = f", backend {metrics['backend']}" if "backend" in metrics else ""
            part = f", part {data['part']}" if "part" in data else ""
            words = f"{data['kind']} data ({data['identity']}){part}"
            found.append(Measurement(name + backend, metrics, data["kind"], words))
    return sorted(found, key=lambda one: -one.metrics["overall"]["frames"])
