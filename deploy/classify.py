"""Classifying a RadioML file with an accelerator: from IQ samples to accuracy and throughput."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deploy.accelerator import open_accelerator
from deploy.golden import check_golden
from deploy.streaming import UNUSABLE, ClassifiedBatch, classified
from radioml import dataset
from radioml.check import Origin, origin
from radioml.errors import RadioMLError
from radioml.metrics import Metrics, measure
from radioml.package import Manifest, open_package
from radioml.split import spread_indices

INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Classification:
    """What an accelerator made of the frames of a file.

    manifest: of the package. backend: what it ran on. origin, part: the frames' file and the part of it.
    requested: frames asked for. problem: why the run ended before all of them were seen, "" when it did not.
    indices, class_index, snr_db, predicted: int64 (N,), each classified frame's place in the file, labels and predicted
        class. unusable: int64 (M,), places of frames with NaN or infinite samples, which were not classified.
    clipped_samples: I or Q values outside the input quantiser's range. golden_frames: golden frames that agreed.
    cycles, intervals: as in `deploy.accelerator.Inference`, over all frames. seconds: wall-clock time of inference.
    """

    manifest: Manifest
    backend: str
    origin: Origin
    part: str
    requested: int
    problem: str
    indices: np.ndarray
    class_index: np.ndarray
    snr_db: np.ndarray
    predicted: np.ndarray
    unusable: np.ndarray
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
        """Whether the user ended the run before all requested frames were seen."""
        return self.problem == INTERRUPTED

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
    target: str | None = None,
) -> Classification:
    """Classify `frames` frames (default all) of a part of the RadioML file `data`, spread over classes and SNRs.

    The package's golden frames are checked first. progress: called with the number of frames done and of all.
    processes, target: as in `deploy.accelerator.open_accelerator`. A KeyboardInterrupt, or an error of the file or the
    accelerator, once frames have been classified ends the run and keeps them.

    Raises RadioMLError for an unusable package, backend or file; MismatchError when the accelerator does not give the
    trained network's logits.
    """
    source = origin(data)
    indices = spread_indices(dataset.frames_per_cell(data), frames, part)
    labels: list[dataset.Frames] = []
    done: list[ClassifiedBatch] = []
    problem = ""
    with tempfile.TemporaryDirectory(prefix="radioml-package-") as folder:
        opened = open_package(package, Path(folder))
        with open_accelerator(opened, backend, processes, target) as accelerator:
            progress(0, len(indices))
            golden_frames = check_golden(accelerator, opened)
            blocks = _read(data, indices, accelerator.batch_frames, labels)
            try:
                with closing(classified(accelerator, blocks)) as batches:
                    for batch in batches:
                        done.append(batch)
                        progress(batch.first + len(batch.class_index), len(indices))
            except (KeyboardInterrupt, RadioMLError) as error:
                if not done:
                    raise
                problem = INTERRUPTED if isinstance(error, KeyboardInterrupt) else str(error)
    predicted = np.concatenate([batch.class_index for batch in done])
    seen = len(predicted)
    class_index = np.concatenate([frames.class_index for frames in labels])
    snr_db = np.concatenate([frames.snr_db for frames in labels])
    usable = predicted != UNUSABLE
    if not usable.any():
        raise RadioMLError(f"{data}: all {seen} frames have NaN; `radioml data check {data}` shows what is wrong")
    inferences = [batch.inference for batch in done if batch.inference is not None]
    cycles = [inference.cycles for inference in inferences if inference.cycles is not None]
    return Classification(
        manifest=opened.manifest,
        backend=backend,
        origin=source,
        part=part,
        requested=len(indices),
        problem=problem,
        indices=indices[:seen][usable],
        class_index=class_index[:seen][usable],
        snr_db=snr_db[:seen][usable],
        predicted=predicted[usable],
        unusable=indices[:seen][~usable],
        clipped_samples=sum(batch.quantised.clipped for batch in done),
        golden_frames=golden_frames,
        cycles=sum(cycles) if cycles else None,
        intervals=sum(inference.intervals for inference in inferences),
        seconds=sum(inference.seconds for inference in inferences),
    )


def _read(data: Path | str, indices: np.ndarray, size: int, labels: list[dataset.Frames]) -> Iterator[np.ndarray]:
    """The frames at `indices`, float32 (n, 1024, 2), `size` at a time; `labels` gets the same without the samples."""
    for start in range(0, len(indices), size):
        frames = dataset.read_frames(data, indices[start : start + size])
        labels.append(replace(frames, iq=frames.iq[:0]))
        yield frames.iq
