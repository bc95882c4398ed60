"""Looking through a RadioML file: is its content what its layout promises, and what is it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioml.constants import CLASSES, FULL_FRAMES_PER_CELL, SNRS_DB
from radioml.data.dataset import CELLS, cell_labels, open_dataset, read_slice
from radioml.data.provenance import Origin, origin

_CHUNK = 4096
"""Frames read at once: 32 MiB of samples."""


@dataclass(frozen=True)
class DatasetReport:
    """What `check_dataset` found.

    frames_per_cell: frames of each class at each SNR.
    origin: where the frames come from.
    mean_power: mean of I^2 + Q^2 over all finite samples (frames have unit variance around their mean); None if there
        are none.
    problems: one sentence each, with the first frame it concerns; empty for a valid file.
    """

    frames_per_cell: int
    origin: Origin
    mean_power: float | None
    problems: tuple[str, ...]

    @property
    def layout(self) -> str:
        """The file's size, in words."""
        frames = f"{CELLS * self.frames_per_cell:,} frames"
        if self.frames_per_cell == FULL_FRAMES_PER_CELL:
            return f"the full RadioML 2018.01A layout: {frames}"
        grid = f"{len(CLASSES)} classes x {len(SNRS_DB)} SNRs x {self.frames_per_cell}"
        return f"a smaller RadioML 2018.01A layout: {frames} ({grid})"


def check_dataset(path: Path | str, progress: Callable[[int, int], object] = lambda done, total: None) -> DatasetReport:
    """Look at every frame of a RadioML file; takes as long as reading it.

    progress: called with the number of frames seen and of all. Raises RadioMLError where the file cannot be looked
    through at all: missing, truncated, foreign, arrays missing or of the wrong shape or type.
    """
    with open_dataset(path) as file:
        total = len(file["X"])
        frames_per_cell = total // CELLS
        findings = _Findings()
        power = 0.0
        finite_samples = 0
        for start in range(0, total, _CHUNK):
            iq, one_hot, snr = (read_slice(path, file[name], start, start + _CHUNK) for name in "XYZ")
            finite = np.isfinite(iq)
            findings.add("X is NaN or infinite", start, ~finite.all((1, 2)))
            samples = finite.all(2)
            power += float(np.square(iq, dtype=np.float64, where=samples[..., None], out=np.zeros(iq.shape)).sum())
            finite_samples += int(samples.sum())
            _look_at_labels(findings, start, one_hot, snr[:, 0], frames_per_cell)
            progress(min(start + _CHUNK, total), total)
    mean_power = power / finite_samples if finite_samples else None
    return DatasetReport(frames_per_cell, origin(path), mean_power, findings.sentences())


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


def _look_at_labels(
    findings: _Findings, start: int, one_hot: np.ndarray, snr: np.ndarray, frames_per_cell: int
) -> None:
    """Labels of one chunk: one-hot (n, 24), SNR (n,); n frames from number `start` on."""
    proper = ((one_hot == 0) | (one_hot == 1)).all(1) & (one_hot.sum(1) == 1)
    on_grid = np.isin(snr, SNRS_DB)
    findings.add("Y is not one-hot", start, ~proper, lambda row: f": {one_hot[row].tolist()}")
    grid = f"{SNRS_DB[0]}, {SNRS_DB[1]} .. {SNRS_DB[-1]} dB"
    findings.add(f"Z is off the SNR grid ({grid})", start, ~on_grid, lambda row: f": {snr[row]}")
    expected_class, expected_snr = cell_labels(start + np.arange(len(snr)), frames_per_cell)
    class_index = one_hot.argmax(1)
    misplaced = proper & on_grid & ((class_index != expected_class) | (snr != expected_snr))

    def place(row: int) -> str:
        found = f"{CLASSES[class_index[row]]} at {snr[row]} dB"
        return f": {found} where {CLASSES[expected_class[row]]} at {expected_snr[row]} dB belongs"

    order = f"Labels break the order (by class, then SNR, {frames_per_cell} frames each)"
    findings.add(order, start, misplaced, place)
