"""Classifying frames without labels: one row a frame, in a file or a pipe, and a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from deploy.opening import opened
from deploy.pipeline import UNUSABLE, ClassifiedBatch, classified
from deploy.rows import STDOUT, Row
from deploy.sources.source import Source
from radioml.constants import FRAME_LENGTH
from radioml.contract.stream_report import StreamReport
from radioml.data.levels import LevelWatch
from radioml.errors import INTERRUPTED, RadioMLError, problem

NOT_FINITE, NO_SIGNAL, UNSURE = "not finite", "no signal", "low confidence"
"""Why a frame has no class: NaN or infinite samples; no signal; a probability below `Demands.confidence`."""
_MOSTLY = 0.5
"""Share of clipped values above which a run gets a warning."""


@dataclass(frozen=True)
class Demands:
    """What a frame needs to get a class.

    confidence: least probability, the network's own estimate of being right, 0 to 1.
    squelch_db: least level of the frame, its standard deviation before normalisation, in dB relative to full scale (1
        for floating-point samples).

    A frame whose samples are all the same never gets a class.
    """

    confidence: float = 0.0
    squelch_db: float = -np.inf


@dataclass
class Summary:
    """What was classified so far.

    counts: class -> number of frames.
    unclassified: reason -> number of frames without a class.
    clipped: I and Q values outside of the quantiser's range.
    seconds: of the accelerator.
    warnings: remarks on an unusual level of the frames.
    problem: why the run ended early, or "".
    """

    counts: dict[str, int] = field(default_factory=dict)
    frames: int = 0
    unclassified: dict[str, int] = field(default_factory=dict)
    clipped: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    problem: str = ""

    @property
    def interrupted(self) -> bool:
        """Whether the user ended the run."""
        return self.problem == INTERRUPTED

    @property
    def clipped_share(self) -> float:
        """Clipped values as a share of all I and Q values."""
        return self.clipped / (2 * FRAME_LENGTH * max(self.frames, 1))


def stream(
    what: Path,
    source: Source,
    backend: str | None,
    processes: int | None,
    write: Callable[[Row], object] | None,
    progress: Callable[[Summary], object] = lambda summary: None,
    target: str | None = None,
    demands: Demands = Demands(),
    whole: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Summary:
    """Classify all frames of a source; `write`, if any, gets a row for each.

    When the source or the accelerator fails, or on Ctrl-C, the rows so far have been written and the summary names the
    problem.

    Args:
        what: the accelerator. `what`, `backend`, `processes` and `target` go to `deploy.opening.opened`, which checks
            a package's golden frames.
        source: the frames.
        write: gets each row.
        progress: called after every batch.
        demands: what a frame needs to get a class.
        whole: context in which a batch's rows are written and counted. With `interrupted_afterwards` for a file, rows
            and summary agree also after Ctrl-C.

    Raises RadioMLError and MismatchError for a failure before the first frame.
    """
    summary = Summary()
    with opened(what, backend, processes, target) as opening:
        quantiser, classes = opening.network.quantiser, opening.network.classes
        levels = LevelWatch(-quantiser.minimum * quantiser.scale)
        try:
            with closing(classified(opening.accelerator, source.blocks)) as batches:
                for batch in batches:
                    reasons = _reasons(batch, demands)
                    with whole():
                        if write is not None:
                            for row in rows(batch, reasons, classes, source):
                                write(row)
                        _add(summary, batch, reasons, classes)
                    if batch.block.iq.dtype != np.int8:
                        levels.add(batch.block.iq)
                    progress(summary)
        except (KeyboardInterrupt, RadioMLError) as error:
            if not summary.frames and isinstance(error, RadioMLError):
                raise
            summary.problem = problem(error)
    summary.warnings = _warnings(summary, levels)
    return summary


def _reasons(batch: ClassifiedBatch, demands: Demands) -> np.ndarray:
    """Why each frame of a batch has no class, text (n,); "" for one that has."""
    level = batch.block.tags.get("level", np.full(len(batch.class_index), np.nan))
    quiet = batch.silent | (level == 0)
    if demands.squelch_db > -np.inf:
        quiet = quiet | (level < 10 ** (demands.squelch_db / 20))
    unsure = batch.probability < demands.confidence if demands.confidence > 0 else np.zeros(len(quiet), bool)
    return np.select([batch.class_index == UNUSABLE, quiet, unsure], [NOT_FINITE, NO_SIGNAL, UNSURE], "")


def rows(batch: ClassifiedBatch, reasons: np.ndarray, classes: tuple[str, ...], source: Source) -> Iterator[Row]:
    """One row a frame of the batch."""
    samples = batch.block.tags.get("sample")
    captures = np.array([start for start, _ in source.captures])
    for offset, (index, probability, reason) in enumerate(
        zip(batch.class_index, batch.probability, reasons.tolist(), strict=True)
    ):
        row: Row = {"frame": batch.first + offset}
        if samples is not None:
            sample = int(samples[offset])
            row["sample"] = sample
            if source.sample_rate:
                row["time"] = sample / source.sample_rate
            if source.captures:
                row["capture"] = capture = int(np.searchsorted(captures, sample, side="right")) - 1
                row["frequency"] = source.captures[capture][1]
        row["class"] = None if reason else classes[index]
        row["probability"] = None if np.isnan(probability) or reason == NO_SIGNAL else round(float(probability), 6)
        row["reason"] = reason or None
        yield row


def _add(summary: Summary, batch: ClassifiedBatch, reasons: np.ndarray, classes: tuple[str, ...]) -> None:
    for index, count in zip(*np.unique(batch.class_index[reasons == ""], return_counts=True), strict=True):
        summary.counts[classes[index]] = summary.counts.get(classes[index], 0) + int(count)
    for reason, count in zip(*np.unique(reasons[reasons != ""], return_counts=True), strict=True):
        summary.unclassified[str(reason)] = summary.unclassified.get(str(reason), 0) + int(count)
    summary.frames += len(batch.class_index)
    summary.clipped += batch.clipped
    summary.seconds += batch.inference.seconds if batch.inference else 0.0


def _warnings(summary: Summary, levels: LevelWatch) -> tuple[str, ...]:
    found = [warning for warning in levels.warnings() if "in all samples" not in warning]  # counted as without a signal
    if summary.clipped_share > _MOSTLY:
        found = [warning for warning in found if "beyond" not in warning]
        found.append(
            f"most values, {summary.clipped_share:.0%}, are clipped: in normalised frames by a receiver's DC offset "
            "(--dc-block removes it), in other frames by a high level (--normalise)"
        )
    return tuple(found)


def write_report(summary: Summary, source: Source, out: str | None) -> None:
    """Write the summary beside the rows, FILE.summary.json for FILE.jsonl; without such a file write nothing."""
    if out not in (None, STDOUT) and summary.frames:
        report(summary, source).write(Path(out).with_suffix(".summary.json"))


def report(summary: Summary, source: Source) -> StreamReport:
    """The summary as a file holds it: counts, frames without a class, and why the run ended early."""
    return StreamReport(
        source=source.name,
        frames=summary.frames,
        classes=dict(sorted(summary.counts.items(), key=lambda item: -item[1])),
        without_class=summary.unclassified,
        clipped_values=summary.clipped,
        left_over=source.left_over,
        accelerator_frames_per_second=summary.frames / summary.seconds if summary.seconds else None,
        warnings=summary.warnings,
        problem=summary.problem,
    )
