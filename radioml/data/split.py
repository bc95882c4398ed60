"""The fixed split of RadioML 2018.01A into training, validation and test frames, and even samples of its parts.

Published procedure (notebook of the ITU/Xilinx "Lightning-Fast Modulation Classification" sandbox): NumPy's legacy
generator seeded with 2018; for each modulation, then each SNR, shuffle the list of the cell's consecutive indices in
place; the first ceil(10 %) are test, the rest train. Every cell is shuffled in turn even where only some are used.

A frame of a file that `radioml data subset` cut out of another one stays in its part. In any other file, missing cells
are shuffled as if they had as many frames as the largest cell. A file of some classes and SNRs with all 4096 frames a
cell, in the published order, therefore has the official split.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioml.constants import SNRS_DB
from radioml.data import dataset
from radioml.data.dataset import Frames, spread_cells
from radioml.data.layout import CELLS, Layout
from radioml.errors import RadioMLError

SEED = 2018
TEST_FRACTION = 0.1
PARTS = ("train", "validation", "test", "all")


@dataclass(frozen=True)
class Split:
    """Frame indices of each part, int64 (frames,): cell after cell, within a cell in the order of the shuffle.

    official_train: training indices as the published procedure lists them; train and validation frames together.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    official_train: np.ndarray

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


def fixed_split(layout: Layout, validation_fraction: float = 0.1) -> Split:
    """The split of a file: the official one for the full file and for files that were cut out of it.

    Validation is the last ceil(`validation_fraction` x training frames) of each cell's training part; the shuffle has
    put them in random order, so the official draw stays as it is. At least one training frame a cell remains.
    """
    if not layout.frames:
        raise ValueError("a data set has at least 1 frame")
    if not 0 <= validation_fraction < 1:
        raise ValueError(f"validation fraction {validation_fraction} is not in [0, 1)")
    if (cut := layout.cut_from) is None:
        return _drawn(layout.counts, validation_fraction)
    whole = _drawn(cut.counts, validation_fraction)
    return Split(*(_positions(part, cut.index) for part in vars(whole).values()))


def _drawn(counts: np.ndarray, validation_fraction: float) -> Split:
    """The split of a file with these cells; counts: int64 (24, 26), frames of each class at each SNR."""
    generator = np.random.RandomState(SEED)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("train", "validation", "test", "official_train")}
    first = 0
    for count in counts.ravel():
        cell = np.arange(first, first + (count or counts.max()), dtype=np.int64)
        generator.shuffle(cell)  # draws as for the published Python list: a test compares the two
        if not count:
            continue
        first += count
        test = math.ceil(TEST_FRACTION * count)
        validation = min(math.ceil(validation_fraction * (count - test)), max(count - test - 1, 0))
        parts["test"].append(cell[:test])
        parts["train"].append(cell[test : count - validation])
        parts["validation"].append(cell[count - validation :])
        parts["official_train"].append(cell[test:])
    return Split(**{name: np.concatenate(cells) for name, cells in parts.items()})


def _positions(part: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Positions of a file's frames in the smaller file cut out of it, in the order of `part`; index: see `CutFrom`."""
    place = np.searchsorted(index, part).clip(0, len(index) - 1)
    return place[index[place] == part]


def spread_indices(
    layout: Layout, n: int | None = None, part: str = "test", classes: np.ndarray | None = None
) -> np.ndarray:
    """Indices, int64 (n,), of `n` frames of a part (default: all of it) in the order of `dataset.spread_cells`.

    Any prefix, an interrupted run's for example, is balanced over the classes and SNRs that the file has. classes:
    indices of those that frames may have; default: all. Raises RadioMLError when the part has fewer than `n` frames.
    """
    indices = fixed_split(layout).part(part)
    if classes is not None:
        indices = indices[np.isin(layout.labels(indices)[0], classes)]
    available = len(indices)
    n = available if n is None else n
    if not 1 <= n <= available:
        raise RadioMLError(
            f"cannot take {n} frames: the part {part!r} has {available} with {layout}; "
            "ask for at least 1 and at most that many, or make a larger file"
        )
    cells = layout.cells(indices)
    turn = np.empty(CELLS, np.int64)
    class_index, snr_index = spread_cells(CELLS)
    turn[class_index * len(SNRS_DB) + snr_index] = np.arange(CELLS)
    earlier = np.arange(available) - np.searchsorted(cells, cells)  # of a frame: how many of its cell come before
    return indices[np.lexsort((turn[cells], earlier))][:n]


def spread(path: Path | str, n: int, part: str = "test") -> Frames:
    """Read `n` frames of a part of a file, spread as evenly as possible over all classes and SNRs.

    Deterministic: the same file, `n` and part give the same frames. Raises RadioMLError for an unusable file or too
    large an `n`.
    """
    return dataset.read_frames(path, spread_indices(dataset.read_layout(path), n, part))
