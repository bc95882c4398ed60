"""Classifying frames without labels: one row a frame, in a file or a pipe, and a summary."""

from __future__ import annotations

import csv
import fcntl
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from deploy.accelerator import open_accelerator
from deploy.checks.golden import check_golden
from deploy.pipeline import UNUSABLE, ClassifiedBatch, classified
from deploy.recordings import Source
from radioml.contract.package import open_package
from radioml.errors import INTERRUPTED, RadioMLError, problem
from radioml.files import write_json

STDOUT = "-"
Row = dict[str, Any]
"""frame: its number; sample: its first in the recording; time: of that in s, where the rate is known; class: its name,
None where the frame had NaN or infinite samples; probability: the network's own estimate of being right, 0 to 1."""


@dataclass
class Summary:
    """What was classified so far.

    counts: frames a class. unusable: frames with NaN or infinite samples. clipped: I and Q values outside of the
    quantiser's range. seconds: of the accelerator. problem: why the run ended early, "" where it did not.
    """

    counts: dict[str, int] = field(default_factory=dict)
    frames: int = 0
    unusable: int = 0
    clipped: int = 0
    seconds: float = 0.0
    problem: str = ""

    @property
    def interrupted(self) -> bool:
        """Whether the user ended it."""
        return self.problem == INTERRUPTED


def stream(
    package: Path,
    source: Source,
    backend: str,
    processes: int | None,
    write: Callable[[Row], object] | None,
    progress: Callable[[Summary], object] = lambda summary: None,
    target: str | None = None,
) -> Summary:
    """Classify all frames of a source, after the package's golden frames; `write`, if any, gets a row for each.

    processes, target: as in `deploy.accelerator.open_accelerator`. progress: called after every batch. When the source
    or the accelerator fails, or on Ctrl-C, the rows so far have been written and the summary says what happened. Raises
    RadioMLError and MismatchError for what fails before the first frame.
    """
    summary = Summary()
    with tempfile.TemporaryDirectory(prefix="radioml-package-") as folder:
        opened = open_package(package, Path(folder))
        with open_accelerator(opened, backend, processes, target) as accelerator:
            check_golden(accelerator, opened)
            try:
                with closing(classified(accelerator, source.blocks)) as batches:
                    for batch in batches:
                        if write is not None:
                            for row in rows(batch, opened.manifest.classes, source):
                                write(row)
                        _add(summary, batch, opened.manifest.classes)
                        progress(summary)
            except (KeyboardInterrupt, RadioMLError) as error:
                if not summary.frames and isinstance(error, RadioMLError):
                    raise
                summary.problem = problem(error)
    return summary


def rows(batch: ClassifiedBatch, classes: tuple[str, ...], source: Source) -> Iterator[Row]:
    """One row a frame of the batch."""
    for offset, (index, probability) in enumerate(zip(batch.class_index, batch.probability, strict=True)):
        frame = batch.first + offset
        row: Row = {"frame": frame}
        if source.recording:
            row["sample"] = frame * source.hop
            if source.sample_rate:
                row["time"] = frame * source.hop / source.sample_rate
        usable = index != UNUSABLE
        row["class"] = classes[index] if usable else None
        row["probability"] = round(float(probability), 6) if usable else None
        yield row


def _add(summary: Summary, batch: ClassifiedBatch, classes: tuple[str, ...]) -> None:
    usable = batch.class_index[batch.class_index != UNUSABLE]
    for index, count in zip(*np.unique(usable, return_counts=True), strict=True):
        summary.counts[classes[index]] = summary.counts.get(classes[index], 0) + int(count)
    summary.frames += len(batch.class_index)
    summary.unusable += len(batch.class_index) - len(usable)
    summary.clipped += batch.clipped
    summary.seconds += batch.inference.seconds if batch.inference else 0.0


@contextmanager
def row_writer(out: str | None) -> Iterator[Callable[[Row], object] | None]:
    """A function that writes rows: JSON lines (FILE.jsonl, or `-` for the standard output), FILE.csv; else None.

    A file gets its name at the end, also of a run that failed; until then it is called FILE.part, and rows are in it as
    soon as they are known.
    Raises RadioMLError for another suffix.
    """
    if out is None:
        yield None
        return
    if out == STDOUT:
        yield lambda row: print(json.dumps(row), flush=True, file=sys.stdout)
        return
    path = Path(out)
    if path.suffix not in (".jsonl", ".csv"):
        raise RadioMLError(f"{out}: results are written as .jsonl or .csv, or as JSON lines to - ")
    if path.is_dir():
        raise RadioMLError(f"{out}: a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.part")
    with partial.open("a", buffering=1, encoding="utf-8", newline="") as file:  # 1: a line at a time
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RadioMLError(f"{partial}: another process is writing this file; choose another with --out") from error
        file.truncate(0)
        write = _csv(file) if path.suffix == ".csv" else lambda row: file.write(json.dumps(row) + "\n")
        try:
            yield write
        finally:
            file.close()
            if partial.stat().st_size:
                partial.replace(path)
            else:
                partial.unlink()


def _csv(file: TextIO) -> Callable[[Row], object]:
    writer: csv.DictWriter | None = None

    def write(row: Row) -> None:
        nonlocal writer
        if writer is None:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
        writer.writerow(row)

    return write


def write_report(summary: Summary, source: Source, out: str | None) -> None:
    """Write the summary beside the rows, FILE.summary.json for FILE.jsonl; nothing where there is no such file."""
    if out not in (None, STDOUT) and summary.frames:
        write_json(Path(out).with_suffix(".summary.json"), report(summary, source))


def report(summary: Summary, source: Source) -> dict[str, Any]:
    """The summary as JSON: counts, what was left out, and why it ended early."""
    return {
        "source": source.name,
        "frames": summary.frames,
        "classes": dict(sorted(summary.counts.items(), key=lambda item: -item[1])),
        "unusable_frames": summary.unusable,
        "clipped_values": summary.clipped,
        "left_over": source.left_over,
        "accelerator_frames_per_second": summary.frames / summary.seconds if summary.seconds else None,
        "problem": summary.problem,
    }
