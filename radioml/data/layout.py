"""Which frames a RadioML file holds, and where: by class, then SNR, any number of frames in each such cell.

The published file has 4096 frames in each of its 24 x 26 cells. Files of some classes, some SNRs or fewer frames have
the same order; a cell that is missing has no frames. A file that was cut out of another one remembers the frames'
positions there, because the fixed split goes by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from radioml.constants import CLASSES, SNRS_DB

CELLS = len(CLASSES) * len(SNRS_DB)
_NAMED = 4
"""Classes, or SNRs, that a description names one by one; it counts more of them."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The cells of a file.

    counts: int64 (24, 26), frames of each class at each SNR. cut_from: where the file was cut out of another one.
    """

    counts: np.ndarray
    cut_from: CutFrom | None = None

    @staticmethod
    def full(frames_per_cell: int) -> Layout:
        """All classes at all SNRs, equally many frames of each."""
        return Layout(np.full((len(CLASSES), len(SNRS_DB)), frames_per_cell, np.int64))

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum(self.counts.ravel())

    @property
    def first_of_cells(self) -> list[int]:
        """The position of the first frame of each cell that the file has."""
        counts = self.counts[self.counts > 0]
        return (np.cumsum(counts) - counts).tolist()

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.counts.sum())

    @property
    def frames_per_cell(self) -> int | None:
        """Frames of each cell that the file has; None where they differ."""
        sizes = np.unique(self.counts[self.counts > 0])
        return int(sizes[0]) if len(sizes) == 1 else None

    @property
    def is_full(self) -> bool:
        """Whether every class is there at every SNR, with equally many frames."""
        return bool((self.counts == self.counts[0, 0]).all())

    @property
    def class_indices(self) -> np.ndarray:
        """The classes that the file has, int64, ascending."""
        return np.flatnonzero(self.counts.any(1))

    @property
    def snrs_db(self) -> list[int]:
        """The SNRs that the file has, ascending."""
        return [SNRS_DB[index] for index in np.flatnonzero(self.counts.any(0))]

    def cells(self, indices: np.ndarray) -> np.ndarray:
        """The cells, class x 26 + SNR index, of positions in the file; int64."""
        return np.searchsorted(self._ends, np.asarray(indices, np.int64), side="right")

    def labels(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Class index and SNR in dB, int64, of positions in the file."""
        cells = self.cells(indices)
        return cells // len(SNRS_DB), np.asarray(SNRS_DB, dtype=np.int64)[cells % len(SNRS_DB)]

    @property
    def scope(self) -> str:
        """The classes and SNRs, in words."""
        return scope(self.counts)

    def __str__(self) -> str:
        """As a phrase: "40 frames per cell" for a full layout, else the number of frames with classes and SNRs."""
        if self.is_full:
            return f"{self.frames_per_cell} frames per cell"
        return f"{self.frames} frames of {self.scope}"


@dataclass(frozen=True, eq=False)
class CutFrom:
    """What a file was cut out of.

    counts: int64 (24, 26), the cells of the file that was cut. index: int64 (frames,), the positions there, ascending.
    """

    counts: np.ndarray
    index: np.ndarray


def scope(counts: np.ndarray) -> str:
    """The classes and SNRs that a figure covers, in words; counts: (24, 26), frames by class and SNR."""
    classes, snrs = np.flatnonzero(counts.any(1)), np.flatnonzero(counts.any(0))
    if len(classes) == len(CLASSES) and len(snrs) == len(SNRS_DB):
        return "all classes and SNRs"
    if len(classes) == len(CLASSES):
        some_classes = "all classes"
    elif len(classes) <= _NAMED:
        some_classes = ", ".join(CLASSES[index] for index in classes)
    else:
        some_classes = f"{len(classes)} of {len(CLASSES)} classes"
    return f"{some_classes} at {_snrs([SNRS_DB[index] for index in snrs])}"


def _snrs(values: Sequence[int]) -> str:
    if len(values) == len(SNRS_DB):
        return "all SNRs"
    if list(values) == list(range(values[0], values[-1] + 1, 2)) and len(values) > 2:
        return f"SNRs {values[0]} to {values[-1]} dB"
    if len(values) <= _NAMED:
        return f"SNR{'s' * (len(values) > 1)} {', '.join(map(str, values))} dB"
    return f"{len(values)} SNRs between {values[0]} and {values[-1]} dB"


def counts_of(cells: Iterable[int] | np.ndarray) -> np.ndarray:
    """Frames of each class at each SNR, int64 (24, 26), from the cell of each frame."""
    cells = np.asarray(cells, np.int64)
    return np.bincount(cells, minlength=CELLS).astype(np.int64).reshape(len(CLASSES), len(SNRS_DB))
