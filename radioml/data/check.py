"""Checks the content of a RadioML file against the layout, and reports what the file holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radioml.constants import CLASSES, FULL_FRAMES_PER_CELL, SNRS_DB
from radioml.data.dataset import is_one_hot, open_dataset, read_layout, read_slice
from radioml.data.layout import Layout, counts_of
from radioml.data.levels import LevelWatch
from radioml.data.provenance import Origin, origin
from radioml.data.writing import FRAMES_SHA256
from radioml.errors import RadioMLError

_CHUNK = 4096
"""Frames read at once: 32 MiB of samples."""


@dataclass(frozen=True)
class DatasetReport:
    """What `check_dataset` found.

    layout: the file's cells, by the labels of its frames. origin: where the frames come from; None if no layout
    describes their order.
    mean_power: mean of I^2 + Q^2 over all finite samples (frames have unit variance around their mean); None if there
        are none.
    problems: one sentence each, with the first frame it concerns; empty for a valid file.
    warnings: about the level of the frames, one sentence each.
    """

    layout: Layout
    origin: Origin | None
    mean_power: float | None
    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The report as values for JSON."""
        return {
            "frames": self.layout.frames,
            "layout": self.size,
            "origin": None if self.origin is None else {"kind": self.origin.kind, "identity": self.origin.identity},
            "mean_power": self.mean_power,
            "problems": list(self.problems),
            "warnings": list(self.warnings),
        }

    @property
    def size(self) -> str:
        """The layout and the number of frames, in words."""
        layout, frames = self.layout, f"{self.layout.frames:,} frames"
        if not layout.is_full:
            least, most = layout.counts[layout.counts > 0].min(), layout.counts.max()
            each = f"{most}" if least == most else f"{least} to {most}"
            cut = "" if layout.cut_from is None else ", with the split of the file that they were cut out of"
            return f"a part of the RadioML 2018.01A layout: {frames} of {layout.scope}, {each} a cell{cut}"
        if layout.frames_per_cell == FULL_FRAMES_PER_CELL:
            return f"the full RadioML 2018.01A layout: {frames}"
        grid = f"{len(CLASSES)} classes x {len(SNRS_DB)} SNRs x {layout.frames_per_cell}"
        return f"a smaller RadioML 2018.01A layout: {frames} ({grid})"


def check_dataset(path: Path | str, progress: Callable[[int, int], object] = lambda done, total: None) -> DatasetReport:
    """Look at every frame of a RadioML file; takes as long as reading it.

    progress: called with the number of frames seen and of all. Raises RadioMLError for a file that cannot be checked at
    all: missing, truncated, foreign, with arrays missing or of the wrong shape or type.
    """
    with open_dataset(path) as file:
        total = len(file["X"])
        findings, levels, digest = _Findings(), LevelWatch(), hashlib.sha256()
        power = 0.0
        finite_samples = 0
        cells = np.empty(total, np.int64)
        written = file.attrs.get(FRAMES_SHA256)
        for start in range(0, total, _CHUNK):
            stored, one_hot, snr = (read_slice(path, file[name], start, start + _CHUNK) for name in "XYZ")
            iq = stored.astype(np.float32, copy=False)
            if written is not None:
                digest.update(iq.astype("<f4", copy=False).data)
            samples = np.asarray(np.isfinite(iq).all(2))
            findings.add("X is NaN or infinite", start, np.asarray(~samples.all(1)))
            power += float(np.square(iq, dtype=np.float64, where=samples[..., None], out=np.zeros(iq.shape)).sum())
            finite_samples += int(samples.sum())
            found = _look_at_labels(findings, start, one_hot, snr[:, 0])
            cells[start : start + len(iq)] = found
            levels.add(iq, np.where(found < 0, 0, found // len(SNRS_DB)))
            progress(min(start + _CHUNK, total), total)
    _look_at_order(findings, cells)
    problems = [*findings.sentences()]
    if written is not None and written != digest.hexdigest():
        problems.append("X is not what `radioml data` wrote: it was changed later")
    layout, source = Layout(counts_of(cells[cells >= 0])), None
    try:
        layout = read_layout(path)
        source = origin(path)
    except RadioMLError as error:
        if not problems:
            problems.append(str(error))
    mean_power = power / finite_samples if finite_samples else None
    return DatasetReport(layout, source, mean_power, tuple(problems), levels.warnings())


class _Findings:
    """For each kind of problem: how many frames have it, and the first."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, int, str]] = {}

    def add(self, problem: str, start: int, bad: np.ndarray, detail: Callable[[int], str] = lambda row: "") -> None:
        """Note the frames of a chunk where the mask `bad` is set; `detail` describes a row of the chunk."""
        if not bad.any():
            return
        row = int(bad.argmax())
        count, first, text = self._found.get(problem, (0, start + row, detail(row)))
        self._found[problem] = count + int(bad.sum()), first, text

    def sentences(self) -> tuple[str, ...]:
        return tuple(
            f"{problem} in {count:,} frame{'s' * (count > 1)}, first frame {first}{text}"
            for problem, (count, first, text) in self._found.items()
        )


def _look_at_labels(findings: _Findings, start: int, one_hot: np.ndarray, snr: np.ndarray) -> np.ndarray:
    """The cells of frames from number `start` on, int64 (n,), -1 where a label is wrong.

    one_hot: (n, 24). snr: (n,).
    """
    proper, on_grid = is_one_hot(one_hot), np.isin(snr, SNRS_DB)
    findings.add("Y is not one-hot", start, ~proper, lambda row: f": {one_hot[row].tolist()}")
    grid = f"{SNRS_DB[0]}, {SNRS_DB[1]} .. {SNRS_DB[-1]} dB"
    findings.add(f"Z is off the SNR grid ({grid})", start, ~on_grid, lambda row: f": {snr[row]}")
    snr_index = np.searchsorted(SNRS_DB, snr)
    return np.where(proper & on_grid, one_hot.argmax(1) * len(SNRS_DB) + snr_index, -1)


def _look_at_order(findings: _Findings, cells: np.ndarray) -> None:
    """Note the frames that sorting by class, then SNR, would move; cells: int64 (N,), -1 where a label is wrong."""
    places = np.flatnonzero(cells >= 0)
    sorted_cells = cells.copy()
    sorted_cells[places] = np.sort(cells[places])

    def place(row: int) -> str:
        found, expected = (
            f"{CLASSES[cell // len(SNRS_DB)]} at {SNRS_DB[cell % len(SNRS_DB)]} dB"
            for cell in (cells[row], sorted_cells[row])
        )
        return f": {found} where {expected} belongs"

    findings.add("Labels break the order (by class, then SNR)", 0, cells != sorted_cells, place)
