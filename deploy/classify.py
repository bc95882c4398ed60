"""Classifying a RadioML file with an accelerator, or a network in software: from samples to accuracy and throughput."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deploy.accelerator import Inference
from deploy.opening import opened
from deploy.pipeline import UNUSABLE, classified
from deploy.sources.source import Block
from radioml.contract.described import Described
from radioml.contract.package import Manifest
from radioml.data import dataset
from radioml.data.class_names import class_indices
from radioml.data.layout import Layout
from radioml.data.levels import LevelWatch
from radioml.data.provenance import Origin, origin
from radioml.data.split import spread_indices
from radioml.errors import INTERRUPTED, RadioMLError, problem
from radioml.report.metrics import Metrics, measure


@dataclass(frozen=True)
class Classification:
    """The classes that an accelerator gave to the frames of a file.

    name: of the accelerator, for titles.
    network, model_sha256: what the accelerator computes.
    manifest: of the package; None for a network without a build.
    backend: what the accelerator ran on.
    origin, part: the frames' file and the part of the file.
    requested: frames asked for.
    problem: why the run ended before all requested frames were seen, or "".
    indices: place of each classified frame in the file, int64 (N,).
    class_index, snr_db, predicted: labels and predicted class of these frames, int64 (N,).
    unusable: places of frames with NaN or infinite samples, which were not classified, int64 (M,).
    clipped_samples: I or Q values outside the input quantiser's range.
    golden_frames: golden frames that agreed.
    cycles, initiation_intervals: as in `deploy.accelerator.Inference`, over all frames.
    seconds: wall-clock time of inference.
    warnings: remarks on an unusual level of the frames.
    """

    name: str
    network: Described
    model_sha256: str
    manifest: Manifest | None
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
    initiation_intervals: int
    seconds: float
    warnings: tuple[str, ...] = ()

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
        return (
            self.cycles / self.initiation_intervals if self.cycles is not None and self.initiation_intervals else None
        )


def classify(
    what: Path | str,
    data: Path | str,
    backend: str | None = None,
    frames: int | None = None,
    part: str = "test",
    processes: int | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
    target: str | None = None,
) -> Classification:
    """Classify `frames` frames (default all) of a part of the RadioML file `data`, spread over classes and SNRs.

    Frames of classes that the network does not know are left out. Once frames have been classified, a
    KeyboardInterrupt or an error of the file or the accelerator ends the run, and the result has these frames.

    Args:
        what: the accelerator. `what`, `backend`, `processes` and `target` go to `deploy.opening.opened`, which checks
            a package's golden frames.
        data: the RadioML file.
        frames: number of frames.
        part: of the file, see `spread_indices`.
        progress: called with the number of frames done and the number of all frames.

    Raises RadioMLError for an unusable package, model, backend or file; MismatchError when the accelerator does not
    give the trained network's logits.
    """
    source = origin(data)
    layout = dataset.read_layout(data)
    levels = LevelWatch()
    seen, clipped, ended, total = 0, 0, "", _Total()
    with opened(Path(what), backend, processes, target) as opening:
        network = opening.network
        classes = np.array(class_indices(network.classes))
        indices = spread_indices(layout, frames, part, classes)
        predicted = np.empty(len(indices), np.int64)
        progress(0, len(indices))
        levels.limit = -network.quantiser.minimum * network.quantiser.scale
        blocks = _read(data, indices, opening.accelerator.batch_frames, levels, layout)
        try:
            with closing(classified(opening.accelerator, blocks)) as batches:
                for batch in batches:
                    total.add(batch.inference)
                    clipped += batch.clipped
                    place = slice(seen, seen + len(batch.class_index))
                    predicted[place] = np.where(batch.class_index == UNUSABLE, UNUSABLE, classes[batch.class_index])
                    seen += len(batch.class_index)
                    progress(seen, len(indices))
        except (KeyboardInterrupt, RadioMLError) as error:
            if not seen:
                raise
            ended = problem(error)
    predicted = predicted[:seen]
    usable = predicted != UNUSABLE
    if not usable.any():
        raise RadioMLError(
            f"{data}: all {seen} frames have NaN or infinite samples; `radioml data check {data}` shows what is wrong"
        )
    classified_indices = indices[:seen][usable]
    class_index, snr_db = layout.labels(classified_indices)
    return Classification(
        name=opening.name,
        network=network,
        model_sha256=opening.model_sha256,
        manifest=opening.manifest,
        backend=opening.backend,
        origin=source,
        part=part,
        requested=len(indices),
        problem=ended,
        indices=classified_indices,
        class_index=class_index,
        snr_db=snr_db,
        predicted=predicted[usable],
        unusable=indices[:seen][~usable],
        clipped_samples=clipped,
        golden_frames=opening.golden_frames,
        cycles=total.cycles,
        initiation_intervals=total.initiation_intervals,
        seconds=total.seconds,
        warnings=levels.warnings(),
    )


@dataclass
class _Total:
    """Cycles and seconds of all inferences together, as in `deploy.accelerator.Inference`."""

    cycles: int | None = None
    initiation_intervals: int = 0
    seconds: float = 0.0

    def add(self, inference: Inference | None) -> None:
        """Count an inference, if there was one."""
        if inference is None:
            return
        if inference.cycles is not None:
            self.cycles = (self.cycles or 0) + inference.cycles
        self.initiation_intervals += inference.initiation_intervals
        self.seconds += inference.seconds


def _read(data: Path | str, indices: np.ndarray, size: int, levels: LevelWatch, layout: Layout) -> Iterator[Block]:
    """The frames at `indices`, float32 (n, 1024, 2), `size` at a time; `levels` looks at them."""
    for start in range(0, len(indices), size):
        some = indices[start : start + size]
        iq = dataset.read_iq(data, some)
        levels.add(iq, layout.labels(some)[0])
        yield Block(iq)
