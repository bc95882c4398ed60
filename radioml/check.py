"""Looking through a RadioML file: is its content what its layout promises, and what is it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioml.constants import CLASSES, FULL_FRAMES_PER_CELL, SNRS_DB
from radioml.dataset import CELLS, cell_labels, open_dataset
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    import h5py

SYNTHETIC_MARK = "radioml synthetic"
"""Value of the attribute `generator` that `radioml.synthetic.write_dataset` leaves in its files."""
_CHUNK = 4096
"""Frames read at once: 32 MiB of samples."""


@dataclass(frozen=True)
class Origin:
    """Where a file's frames come from.

    kind: "synthetic" when this project's generator has marked the file, else "real".
    identity: generator version and seed, or the file's name.
    """

    kind: str
    identity: str

    def __str__(self) -> str:
        """As a phrase for titles and tables; figures from synthetic frames must carry it."""
        return f"synthetic data ({self.identity})" if self.kind == "synthetic" else f"RadioML data ({self.identity})"


@dataclass(frozen=True)
class DatasetReport:
    """What `check_dataset` found.

    frames_per_cell: frames of each class at each SNR.
    origin: where the frames come from.
    mean_power: mean of I^2 + Q^2 over all finite samples (frames have unit variance around their mean).
    problems: one sentence each, with the first frame it concerns; empty for a valid file.
    """

    frames_per_cell: int
    origin: Origin
    mean_power: float
    problems: tuple[str, ...]

    @property
    def layout(self) -> str:
        """The file's size, in words."""
        frames = f"{CELLS * self.frames_per_cell:,} frames"
        if self.frames_per_cell == FULL_FRAMES_PER_CELL:
            return f"the full RadioML 2018.01A layout: {frames}"
        grid = f"{len(CLASSES)} classes x {len(SNRS_DB)} SNRs x {self.frames_per_cell}"
        return f"a smaller RadioML 2018.01A layout: {frames} ({grid})"


def origin(path: Path | str) -> Origin:
    """Where the frames of a file come from, by the marks that `radioml data synth` leaves in it.

    Raises RadioMLError when it is no RadioML file.
    """
    with open_dataset(path) as file:
        return _origin(file, Path(path))


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
            iq, one_hot, snr = (_read(file, path, name, start) for name in "XYZ")
            finite = np.isfinite(iq)
            findings.add("X is NaN or infinite", start, ~finite.all((1, 2)))
            power += float(np.square(iq, where=finite, out=np.zeros(iq.shape, np.float64)).sum())
            finite_samples += int(finite.all(2).sum())
            _look_at_labels(findings, start, one_hot, snr[:, 0], frames_per_cell)
            progress(min(start + _CHUNK, total), total)
        return DatasetReport(
            frames_per_cell, _origin(file, Path(path)), power / max(finite_samples, 1), findings.sentences()
        )


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


def _read(file: h5py.File, path: Path | str, name: str, start: int) -> np.ndarray:
    """One chunk of an array; a damaged block becomes a RadioMLError that says where."""
    try:
        return file[name][start : start + _CHUNK]
    except OSError as error:
        raise RadioMLError(f"{path}: {name} cannot be read from frame {start} on: {error}") from error


def _origin(file: h5py.File, path: Path) -> Origin:
    if file.attrs.get("generator") != SYNTHETIC_MARK:
        return Origin("real", path.name)
    frames = len(file["X"]) // CELLS
    version, seed = file.attrs["generator_version"], file.attrs["seed"]
    return Origin("synthetic", f"generator {version}, seed {seed}, {frames} frames per cell")
