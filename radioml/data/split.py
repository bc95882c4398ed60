"""The fixed split of RadioML 2018.01A into training, validation and test frames, and even samples of its parts.

Published procedure (notebook of the ITU/Xilinx "Lightning-Fast Modulation Classification" sandbox): NumPy's legacy
generator seeded with 2018; for each modulation, then each SNR, shuffle the list of the cell's consecutive indices in
place; the first ceil(10 %) are test, the rest train. Every cell is shuffled in turn even where only some are used.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioml.constants import SNRS_DB
from radioml.data import dataset
from radioml.data.dataset import CELLS, Frames
from radioml.errors import RadioMLError

SEED = 2018
TEST_FRACTION = 0.1
PARTS = ("train", "validation", "test", "all")


@dataclass(frozen=True)
class Split:
    """Frame indices of each part, int64 (frames,): cell after cell, within a cell in the order of the shuffle.

    The official training part is `train` and `validation` together; see `official_train`.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def official_train(self) -> np.ndarray:
        """Training indices as the published procedure lists them, validation frames included."""
        return np.hstack([self.train.reshape(CELLS, -1), self.validation.reshape(CELLS, -1)]).ravel()

    def part(self, name: str) -> np.ndarray:
        """Indices of the part `name` (one of PARTS); "all" is every frame in the order of the file."""
        if name == "all":
            return np.arange(len(self.train) + len(self.validation) + len(self.test))
        if name not in PARTS:
            raise RadioMLError(f"unknown part {name!r} of a data set; known: {', '.join(PARTS)}")
        return getattr(self, name)

    def digest(self) -> dict[str, str]:
        """SHA-256 of each part's indices as little-endian int64, in order; `official_train` included."""
        names = ("official_train", "train", "validation", "test")
        return {name: hashlib.sha256(getattr(self, name).astype("<i8").tobytes()).hexdigest() for name in names}


def fixed_split(frames_per_cell: int, validation_fraction: float = 0.1) -> Split:
    """The official split of a file with `frames_per_cell` frames of each class at each SNR (4096 in the full file).

    Validation is the last ceil(`validation_fraction` x training frames) of each cell's training part; those are
    already in random order, so the official draw is left untouched. One training frame a cell stays in any case.
    """
    if frames_per_cell < 1:
        raise ValueError(f"{frames_per_cell} frames per cell; a data set has at least 1")
    if not 0 <= validation_fraction < 1:
        raise ValueError(f"validation fraction {validation_fraction} is not in [0, 1)")
    generator = np.random.RandomState(SEED)
    cells = np.arange(CELLS * frames_per_cell, dtype=np.int64).reshape(CELLS, frames_per_cell)
    for cell in cells:
        generator.shuffle(cell)  # draws as for the published Python list: a test compares the two
    test = math.ceil(TEST_FRACTION * frames_per_cell)
    official_train = frames_per_cell - test
    validation = min(math.ceil(validation_fraction * official_train), max(official_train - 1, 0))
    first_validation = frames_per_cell - validation
    return Split(
        train=cells[:, test:first_validation].ravel(),
        validation=cells[:, first_validation:].ravel(),
        test=cells[:, :test].ravel(),
    )


def spread_indices(frames_per_cell: int, n: int | None = None, part: str = "test") -> np.ndarray:
    """Indices, int64 (n,), of `n` frames of a part (default: all of it) in the order of `dataset.spread_cells`.

    Any prefix, an interrupted run's for example, is balanced over classes and SNRs. Raises RadioMLError when the part
    has fewer than `n` frames.
    """
    indices = fixed_split(frames_per_cell).part(part)
    available = len(indices)
    n = available if n is None else n
    if not 1 <= n <= available:
        raise RadioMLError(
            f"cannot take {n} frames: the part {part!r} has {available} with {frames_per_cell} frames per cell; "
            "ask for at least 1 and at most that many, or make a larger file"
        )
    class_index, snr_index = dataset.spread_cells(n)
    cell = class_index * len(SNRS_DB) + snr_index
    return indices.reshape(CELLS, -1)[cell, np.arange(n) // CELLS]


def spread(path: Path | str, n: int, part: str = "test") -> Frames:
    """Read `n` frames of a part of a file, spread as evenly as possible over all classes and SNRs.

    Deterministic: the same file, `n` and part give the same frames. Raises RadioMLError for an unusable file or too
    large an `n`.
    """
    return dataset.read_frames(path, spread_indices(dataset.frames_per_cell(path), n, part))
