"""Classifying a RadioML file with an accelerator: from IQ samples to accuracy and throughput."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deploy.accelerator import Accelerator, open_accelerator
from deploy.golden import check_golden
from radioml import dataset
from radioml.check import Origin, origin
from radioml.errors import RadioMLError
from radioml.metrics import Metrics, measure
from radioml.package import Manifest, open_package
from radioml.split import spread_indices


@dataclass(frozen=True)
class Classification:
    """What an accelerator made of the frames of a file.

    manifest: of the package. backend: what it ran on. origin, part: the frames' file and the part of it.
    requested: frames asked for; `predicted` is shorter when the run was interrupted.
    indices, class_index, snr_db, predicted: int64 (N,), each frame's place in the file, labels and predicted class.
    clipped_samples: I or Q values outside the input quantiser's range. golden_frames: golden frames that agreed.
    cycles, intervals: as in `deploy.accelerator.Inference`, over all frames. seconds: wall-clock time of inference.
    """

    manifest: Manifest
    backend: str
    origin: Origin
    part: str
    requested: int
    indices: np.ndarray
    class_index: np.ndarray
    snr_db: np.ndarray
    predicted: np.ndarray
    clipped_samples: int
    golden_frames: int
    cycles: int | None
    intervals: int
    seconds: float

    @property
    def metrics(self) -> Metrics:
        """Accuracy of the predictions."""
        return measure(self.class_index, self.snr_db, self.predicted)

    @property
    def frames(self) -> int:
        """Frames classified."""
        return len(self.predicted)

    @property
    def interrupted(self) -> bool:
        """Whether the user ended the run before all requested frames were classified."""
        return self.frames < self.requested

    @property
    def cycles_per_frame(self) -> float | None:
        """Initiation interval measured in this run; None where the backend cannot count or frames were too few."""
        return self.cycles / self.intervals if self.cycles is not None and self.intervals else None


def classify(
    package: Path | str,
    data: Path | str,
    backend: str,
    frames: int | None = None,
    part: str = "test",
    processes: int | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Classification:
    """Classify `frames` frames (default all) of a part of the RadioML file `data`, spread over classes and SNRs.

    The package's golden frames are checked first. progress: called with the number of frames done and of all.
    A KeyboardInterrupt once frames have been classified ends the run and keeps them.

    Raises RadioMLError for an unusable package, backend or file and for NaN samples; MismatchError when the
    accelerator does not give the trained network's logits.
    """
    source = origin(data)
    indices = spread_indices(dataset.frames_per_cell(data), frames, part)
    with tempfile.TemporaryDirectory(prefix="radioml-package-") as folder:
        opened = open_package(package, Path(folder))
        with open_accelerator(opened, backend, processes) as accelerator:
            progress(0, len(indices))
            golden_frames = check_golden(accelerator, opened)
            batches: list[_Batch] = []
            try:
                for start in range(0, len(indices), accelerator.batch_frames):
                    batches.append(
                        _classify_batch(accelerator, data, indices[start : start + accelerator.batch_frames])
                    )
                    progress(start + len(batches[-1].predicted), len(indices))
            except KeyboardInterrupt:
                if not batches:
                    raise
    cycles = [batch.cycles for batch in batches if batch.cycles is not None]
    predicted = np.concatenate([batch.predicted for batch in batches])
    return Classification(
        manifest=opened.manifest,
        backend=backend,
        origin=source,
        part=part,
        requested=len(indices),
        indices=indices[: len(predicted)],
        class_index=np.concatenate([batch.class_index for batch in batches]),
        snr_db=np.concatenate([batch.snr_db for batch in batches]),
        predicted=predicted,
        clipped_samples=sum(batch.clipped_samples for batch in batches),
        golden_frames=golden_frames,
        cycles=sum(cycles) if cycles else None,
        intervals=sum(batch.intervals for batch in batches),
        seconds=sum(batch.seconds for batch in batches),
    )


@dataclass(frozen=True)
class _Batch:
    """One batch's share of a Classification."""

    class_index: np.ndarray
    snr_db: np.ndarray
    predicted: np.ndarray
    clipped_samples: int
    cycles: int | None
    intervals: int
    seconds: float


def _classify_batch(accelerator: Accelerator, data: Path | str, indices: np.ndarray) -> _Batch:
    """Read, quantise and classify the frames at `indices`."""
    frames = dataset.read_frames(data, indices)
    if (nan := np.isnan(frames.iq).any((1, 2))).any():
        raise RadioMLError(
            f"{data}: frame {indices[nan.argmax()]} contains NaN; `radioml data check {data}` shows what else is wrong"
        )
    quantiser = accelerator.manifest.quantiser
    inference = accelerator.infer(quantiser(frames.iq))
    return _Batch(
        class_index=frames.class_index,
        snr_db=frames.snr_db,
        predicted=inference.logits.argmax(1),
        clipped_samples=quantiser.clipped(frames.iq),
        cycles=inference.cycles,
        intervals=inference.intervals,
        seconds=inference.seconds,
    )
