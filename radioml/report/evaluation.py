"""The result of evaluating a checkpoint, a QONNX model or a build on a part of a RadioML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radioml.contract.accuracy import EvaluationReport, PartOfFile
from radioml.contract.training_data import TrainingData
from radioml.data.provenance import Origin, seen_in_training
from radioml.errors import INTERRUPTED
from radioml.report.metrics import Metrics
from radioml.report.plots import accuracy_by_class, accuracy_over_snr, confusion_matrix
from radioml.run_directory import EVALUATION_REPORT


@dataclass(frozen=True)
class Evaluation:
    """A network's predictions on labelled frames, and what they were computed with.

    subject: short name of what was evaluated, "checkpoint", "qonnx" or "<board>-<backend>". arithmetic: the arithmetic
    that computed, in words. origin, part: the frames' file and the part of its fixed split. requested: frames asked
    for; `metrics`
    has fewer when some were unusable or the run ended early. training_data: see `radioml.data.provenance`. seconds:
    wall-clock time of inference. unusable: frames left out for their NaN or infinite samples. problem: why the run
    ended before all frames were seen, "" when it did not. warnings: about the level of the frames.
    """

    subject: str
    arithmetic: str
    origin: Origin
    part: str
    requested: int
    metrics: Metrics
    training_data: TrainingData
    seconds: float
    unusable: int = 0
    problem: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Frames evaluated."""
        return self.metrics.overall.frames

    @property
    def interrupted(self) -> bool:
        """Whether the user ended the run before all requested frames were seen."""
        return self.problem == INTERRUPTED

    @property
    def data(self) -> str:
        """The frames as a phrase for titles and tables."""
        return f"{self.origin}, part {self.part}"

    @property
    def caution(self) -> str | None:
        """Why the accuracy may say little of frames the network has never seen; None where nothing is known."""
        return seen_in_training(self.training_data, self.origin, self.part)

    @property
    def report(self) -> EvaluationReport:
        """Everything as a record."""
        return EvaluationReport(
            subject=self.subject,
            arithmetic=self.arithmetic,
            data=PartOfFile(self.origin.kind, self.origin.identity, self.part),
            training_data=self.training_data,
            caution=self.caution,
            frames=self.frames,
            frames_requested=self.requested,
            unusable_frames=self.unusable,
            problem=self.problem,
            warnings=self.warnings,
            seconds=self.seconds,
            **vars(self.metrics.measured),
        )


def write_evaluation(result: Evaluation, folder: Path, snrs_db: Sequence[int]) -> None:
    """Write `evaluation.json` and the plots, each with its JSON, into `folder`, replacing earlier ones.

    snrs_db: SNR labels that get a confusion matrix of their own, beside the one over all.
    """
    title = f"{result.subject}: {result.arithmetic}"
    metrics, data = result.metrics, result.data
    result.report.write(folder / EVALUATION_REPORT)
    accuracy_over_snr(folder / "accuracy_over_snr.png", {result.subject: metrics}, title, data)
    accuracy_by_class(folder / "accuracy_by_class.png", metrics, title, data)
    confusion_matrix(folder / "confusion_matrix.png", metrics, title, data)
    for snr in snrs_db:
        confusion_matrix(folder / f"confusion_matrix_{snr:+d}dB.png", metrics, title, data, snr)
