"""How accurate a network is: metrics.json, evaluation.json, accuracy.json, and what a checkpoint records."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from radioml.contract.json_record import JsonRecord
from radioml.contract.training_data import TrainingData


@dataclass(frozen=True)
class TrainedAccuracy:
    """How accurate a network was after training, on the test part of its file; no `overall` where nobody measured it.

    overall, at_30_db: 0 to 1; at_30_db is None where no frame has that SNR.
    over: classes and SNRs of the frames; None stands for all. interval_95: 95 % confidence interval of `overall`.
    frames, data: number of frames, and their file in words.
    """

    overall: float | None = None
    at_30_db: float | None = None
    over: str | None = None
    interval_95: tuple[float, float] | None = None
    frames: int | None = None
    data: str | None = None

    @property
    def scope(self) -> str:
        """The classes and SNRs of the frames in words."""
        return self.over or "all classes and SNRs"

    @property
    def scope_and_top(self) -> str:
        """The scope, with the accuracy at +30 dB where that is known."""
        return self.scope if self.at_30_db is None else f"{self.scope}, {self.at_30_db:.2%} at +30 dB"


@dataclass(frozen=True)
class Share:
    """Correct frames of some: their share with its 95 % confidence interval; no share without frames."""

    accuracy: float | None
    low: float
    high: float
    correct: int
    frames: int


@dataclass(frozen=True)
class PartOfFile:
    """Frames of a part of a file; kind, identity: see `radioml.data.provenance.Origin`."""

    kind: str
    identity: str
    part: str


@dataclass(frozen=True)
class MeasuredAccuracy(JsonRecord):
    """Accuracy on labelled frames.

    over: the classes and SNRs of the frames, in words. A confusion matrix has a row a true class; `confusion` is over
    all SNRs. Keys of an SNR are its dB as text.
    """

    overall: Share
    over: str
    at_30_db: Share
    per_snr_db: dict[str, Share]
    per_class: dict[str, Share]
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    confusion_per_snr: dict[str, tuple[tuple[int, ...], ...]]

    def to_json(self) -> dict[str, Any]:
        """The fields as values for JSON; what was measured comes first, and the long tables last."""
        found, tables = super().to_json(), [field.name for field in fields(MeasuredAccuracy)]
        return {name: found[name] for name in sorted(found, key=lambda name: name in tables)}


@dataclass(frozen=True)
class TrainedMetrics(MeasuredAccuracy):
    """metrics.json: a network after training, on the test part. data: the file, see `ModelMetadata.training_data`."""

    MADE_BY = "radioml train"

    data: TrainingData


@dataclass(frozen=True)
class EvaluationReport(MeasuredAccuracy):
    """evaluation.json: see `radioml.report.evaluation.Evaluation`. caution: why the accuracy may say little."""

    MADE_BY = "radioml evaluate"

    subject: str
    arithmetic: str
    data: PartOfFile
    training_data: TrainingData
    caution: str | None
    frames: int
    frames_requested: int
    unusable_frames: int
    problem: str
    warnings: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Expectation:
    """How a measured accuracy compares with the one after training.

    comparable: whether frames of the same kind were used, and the network was trained on none of them.
    met: whether chance explains the difference of both accuracies, or rounding where both are of the same frames; True
         where the accuracies are not comparable.
    reason: one sentence for the user.
    """

    comparable: bool
    met: bool
    reason: str


@dataclass(frozen=True)
class DriverAccuracy(MeasuredAccuracy):
    """accuracy.json: an accelerator, or a network in software, on frames of a file.

    board: None for a network without a build. model_sha256: the QONNX file.
    frames, frames_requested: classified, and asked for. unusable_frames: places of frames that are not finite.
    golden_frames_equal: number of golden frames, all equal. clipped_samples: of `samples` I and Q values.
    accuracy_of_the_trained_network: after training.
    """

    MADE_BY = "radioml classify"

    backend: str
    board: str | None
    model_sha256: str
    data: PartOfFile
    frames: int
    frames_requested: int
    problem: str
    warnings: tuple[str, ...]
    unusable_frames: tuple[int, ...]
    golden_frames_equal: int
    clipped_samples: int
    samples: int
    training_data: TrainingData
    accuracy_of_the_trained_network: TrainedAccuracy
    expectation: Expectation
