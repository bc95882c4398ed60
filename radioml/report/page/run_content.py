"""What lies in a run directory, for its page: the JSON files that the stages left there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radioml.contract.accuracy import DriverAccuracy, EvaluationReport, MeasuredAccuracy, TrainedMetrics
from radioml.contract.estimate import Estimate
from radioml.contract.implementation import Implementation
from radioml.contract.json_record import R
from radioml.contract.ladder import LadderReport
from radioml.contract.score import Score
from radioml.contract.simulation import SimulationReport, read_fifo_depths
from radioml.contract.speed import BenchReport
from radioml.contract.synthesis import Synthesis
from radioml.errors import RadioMLError
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

    name: who measured. metrics: of one frame at least. kind: of the data, "real", "synthetic"
    or "unknown"; data: the data in words.
    """

    name: str
    metrics: MeasuredAccuracy
    kind: str
    data: str


@dataclass(frozen=True)
class BuildContent:
    """The files of a build folder; None for one that is not there.

    estimate: estimate.json; simulation: simulation.json; depths: FIFO -> words; ladder: verify.json; synthesis:
    synthesis.json; implementation: what the vendor's tools reported.
    """

    estimate: Estimate
    simulation: SimulationReport | None
    depths: dict[str, int] | None
    ladder: LadderReport | None
    synthesis: Synthesis | None
    implementation: Implementation | None

    @property
    def board(self) -> str:
        """Name of the board."""
        return self.estimate.board

    @property
    def frames_per_second(self) -> float:
        """The simulated rate, else the estimated one."""
        return self.simulation.frames_per_second if self.simulation else self.estimate.frames_per_second


@dataclass(frozen=True)
class RunContent:
    """A run directory.

    name: of the directory. measurements: that of most frames first. score: score.json; bench: bench.json.
    """

    name: str
    measurements: Sequence[Measurement]
    score: Score | None
    builds: Sequence[BuildContent]
    bench: BenchReport | None

    @property
    def valid_score(self) -> float | None:
        """The official score; None where there is none, or where the cost function does not know an operation."""
        return self.score.score if self.score and self.score.valid else None


def read_run(run: Path) -> RunContent:
    """Read a run directory; raises RadioMLError where it holds nothing to report, or a damaged file."""
    builds = [_build(folder) for folder in sorted((run / BUILD).glob("*/")) if (folder / ESTIMATE).is_file()]
    content = RunContent(
        name=run.resolve().name,
        measurements=measurements(run),
        score=_found(run / TRAIN / SCORE, Score),
        builds=builds,
        bench=_found(run / DEPLOY / BENCH, BenchReport),
    )
    if not (content.measurements or content.score or content.builds or content.bench):
        raise RadioMLError(
            f"{run}: nothing to report; give a run directory, as `radioml train`, `export` and `score` write it"
        )
    return content


def _found(path: Path, kind: type[R]) -> R | None:
    """A record; None where its file is not there."""
    return kind.read(path) if path.is_file() else None


def _build(folder: Path) -> BuildContent:
    return BuildContent(
        estimate=Estimate.read(folder / ESTIMATE),
        simulation=_found(folder / SIMULATION_REPORT, SimulationReport),
        depths=read_fifo_depths(folder / FIFO_DEPTHS) if (folder / FIFO_DEPTHS).is_file() else None,
        ladder=_found(folder / VERIFY, LadderReport),
        synthesis=_found(folder / SYNTHESIS_REPORT, Synthesis),
        implementation=_found(folder / BITFILE_FOLDER / IMPLEMENTATION, Implementation),
    )


def measurements(run: Path) -> list[Measurement]:
    """All measurements of accuracy in a run directory, that of most frames first; raises RadioMLError as `read_run`."""
    found = []
    if trained := _found(run / TRAIN / METRICS, TrainedMetrics):
        found.append(
            _measurement("after training, test part", trained, trained.data.kind, trained.data.identity or "unnamed")
        )
    for path in sorted(run.glob(f"{EVALUATION}/*/{EVALUATION_REPORT}")):
        found.append(_of_part(f"evaluated: {path.parent.name}", EvaluationReport.read(path)))
    if driver := _found(run / DEPLOY / ACCURACY, DriverAccuracy):
        found.append(_of_part(f"driver, backend {driver.backend}", driver))
    measured = [one for one in found if one.metrics.overall.frames]
    return sorted(measured, key=lambda one: -one.metrics.overall.frames)


def _of_part(name: str, metrics: EvaluationReport | DriverAccuracy) -> Measurement:
    data = metrics.data
    return _measurement(name, metrics, data.kind, data.identity, f", part {data.part}")


def _measurement(name: str, metrics: MeasuredAccuracy, kind: str, identity: str, part: str = "") -> Measurement:
    return Measurement(name, metrics, kind, f"{kind} data ({identity}){part}")
