"""Reads the layout and the frames of a RadioML 2018.01A file.

`X` float32 (N, 1024, 2) holds I and Q, `Y` int64 (N, 24) one-hot classes, `Z` int64 (N, 1) the SNR label in dB; frames
are ordered by class, then SNR (see `radioml.data.layout`). Other types of number are converted when they are read.
`radioml data import` takes other shapes and orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioml.constants import CLASSES, FRAME_LENGTH, SNRS_DB
from radioml.data.layout import CELLS, CutFrom, Layout, counts_of
from radioml.errors import RadioMLError
from radioml.reading.text import brief, reading

if TYPE_CHECKING:
    import h5py

INDEX = "index"
"""Array of a file that was cut out of another one: int64 (N,), the frames' positions there, ascending."""
CUT_CELLS = "cut_from_cells"
"""Attribute of `INDEX`: int64 (24, 26), frames of each class at each SNR in the file that was cut."""
_ARRAYS = {"X": ((FRAME_LENGTH, 2), "f"), "Y": ((len(CLASSES),), "iufb"), "Z": ((1,), "iuf")}
_TYPES = {"X": "float32", "Y": "int64", "Z": "int64"}
_GAP = 16  # frames apart at which two reads are faster than one across the gap
_LABELS_AT_ONCE = 1 << 17
_LOOKED_AT = 1250  # labels that are read of a file of more frames than that; each may cost a disk seek


@dataclass(frozen=True)
class Frames:
    """Some frames: iq float32 (N, 1024, 2), class_index int64 (N,), snr_db int64 (N,)."""

    iq: np.ndarray
    class_index: np.ndarray
    snr_db: np.ndarray

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.iq)


def spread_cells(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Class index and SNR index (both int64 (count,)) of `count` frames spread evenly over classes and SNRs.

    Any prefix is balanced: 24 frames see every class, 26 every SNR, 624 every cell once.
    """
    k = np.arange(count)
    # 24 and 26 share the factor 2, so the SNR skips one step each time both would start over together
    period = np.lcm(len(CLASSES), len(SNRS_DB))
    return k % len(CLASSES), (k + k // period) % len(SNRS_DB)


@contextmanager
def open_dataset(path: Path | str) -> Iterator[h5py.File]:
    """Open a RadioML file for reading, after checking names, shapes and types of its three arrays.

    Raises RadioMLError for a missing, truncated or foreign file; `radioml data check` looks at the content as well.
    """
    import h5py

    with reading(path):
        Path(path).open("rb").close()
    with ExitStack() as stack:
        with damaged(path):
            file = stack.enter_context(h5py.File(path, "r"))
            _check_layout(path, file)
        yield file


@contextmanager
def damaged(path: Path | str) -> Iterator[None]:
    """Turn what h5py raises of a damaged file into RadioMLError."""
    try:
        yield
    except (OSError, RuntimeError, LookupError, TypeError, ValueError) as error:
        raise RadioMLError(f"{path}: not an HDF5 file, or a damaged one ({brief(error)})") from error


def _check_layout(path: Path | str, file: h5py.File) -> None:
    import h5py

    for name, (tail, kinds) in _ARRAYS.items():
        array = file.get(name)
        if not isinstance(array, h5py.Dataset):
            raise RadioMLError(f"{path}: no array {name!r}: not a RadioML 2018.01A file; {_import(path)}")
        if (array.shape or ())[1:] != tail or array.dtype.kind not in kinds:
            wanted = ", ".join(["N", *map(str, tail)])
            found = f"{name} is {array.dtype} {array.shape}"
            raise RadioMLError(f"{path}: {found}; expected {_TYPES[name]} ({wanted}); {_import(path)}")
    frames = len(file["X"])
    if frames == 0 or any(len(file[name]) != frames for name in "YZ"):
        lengths = ", ".join(f"{name}: {len(file[name])}" for name in "XYZ")
        raise RadioMLError(f"{path}: the arrays hold {lengths} frames; expected equal numbers of at least 1")


def _import(path: Path | str) -> str:
    return f"`radioml data import {path} NEW.hdf5` reads other layouts"


def read_layout(path: Path | str) -> Layout:
    """The cells of a RadioML file, from which the labels of each position follow.

    All SNR labels are read. The classes of all frames are read in a file of up to 131,072 frames; in a larger file, at
    least those at both ends of each cell. Raises RadioMLError for labels off the grid and for a file in another order.
    """
    with open_dataset(path) as file:
        frames = len(file["X"])
        snr_index = _snr_indices(path, read_slice(path, file["Z"], 0, frames)[:, 0])
        borders = [0, *(np.flatnonzero(np.diff(snr_index)) + 1), frames]
        if frames > _LABELS_AT_ONCE and len(borders) > CELLS + 1:
            raise _unordered(path, borders[1])
        positions, classes = _look_at_classes(path, file["Y"], borders)
        cells = classes * len(SNRS_DB) + snr_index[positions]
        if (back := np.flatnonzero(np.diff(cells) < 0)).size:
            raise _unordered(path, positions[back[0] + 1])
        # Between two frames that are looked at and are of one cell, all are of that cell.
        counts = counts_of(np.repeat(cells, np.diff(positions, append=frames)))
        return Layout(counts, _cut_from(path, file) if INDEX in file else None)


def _snr_indices(path: Path | str, snr_db: np.ndarray) -> np.ndarray:
    """Places of SNR labels (N,) on the grid, int64 (N,)."""
    index = np.searchsorted(SNRS_DB, snr_db).clip(0, len(SNRS_DB) - 1)
    if (off := np.asarray(SNRS_DB)[index] != snr_db).any():
        frame = int(off.argmax())
        raise RadioMLError(
            f"{path}: frame {frame} has the SNR label {snr_db[frame]}: SNRs are even, from {SNRS_DB[0]} to "
            f"{SNRS_DB[-1]} dB; `radioml data check {path}` lists all wrong labels"
        )
    return index


def _look_at_classes(path: Path | str, one_hot: h5py.Dataset, borders: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Positions, int64 ascending, and the class at each: enough of them to know the class everywhere between.

    borders: 0, the positions where the SNR changes, and the number of frames.
    """
    if len(one_hot) <= _LABELS_AT_ONCE:
        every = np.arange(len(one_hot))
        return every, _classes(path, one_hot, every)
    parts = []
    for start, stop in pairwise(borders):
        some = np.linspace(start, stop - 1, max(2, _LOOKED_AT // len(borders))).astype(np.int64)
        parts.append(np.unique(some))
    positions = np.concatenate(parts)
    classes = _classes(path, one_hot, positions)
    differ = [part for part in parts if np.ptp(classes[np.searchsorted(positions, part)])]
    for part in differ:  # one SNR of several classes after each other
        positions = np.union1d(positions, np.arange(part[0], part[-1] + 1))
    return positions, _classes(path, one_hot, positions) if differ else classes


def _classes(path: Path | str, one_hot: h5py.Dataset, positions: np.ndarray) -> np.ndarray:
    """Class indices, int64, of the frames at `positions`, ascending."""
    classes = np.empty(len(positions), np.int64)
    for at in range(0, len(positions), _LABELS_AT_ONCE):
        some = positions[at : at + _LABELS_AT_ONCE]
        rows = read_rows(path, one_hot, some)
        if (wrong := ~is_one_hot(rows)).any():
            frame = some[wrong.argmax()]
            raise RadioMLError(
                f"{path}: Y of frame {frame} is not one-hot; `radioml data check {path}` lists all such frames"
            )
        classes[at : at + len(some)] = rows.argmax(1)
    return classes


def is_one_hot(rows: np.ndarray) -> np.ndarray:
    """Which rows (N, classes) are one-hot: one 1 among zeros; bool (N,)."""
    return ((rows == 0) | (rows == 1)).all(1) & ((rows != 0).sum(1) == 1)


def _unordered(path: Path | str, frame: int) -> RadioMLError:
    return RadioMLError(
        f"{path}: frame {frame} is out of order. RadioML 2018.01A orders frames by class, then by SNR. "
        f"`radioml data check {path}` lists all such frames; `radioml data import {path} NEW.hdf5` sorts them"
    )


def _cut_from(path: Path | str, file: h5py.File) -> CutFrom:
    """What the file was cut out of, as `radioml.data.subset` wrote it."""
    array = file[INDEX]
    counts = np.asarray(array.attrs.get(CUT_CELLS))
    index = read_slice(path, array, 0, len(array)) if array.shape else np.empty(0)
    if (
        counts.shape != (len(CLASSES), len(SNRS_DB)) or counts.dtype.kind != "i" or (counts < 0).any()
        or index.dtype.kind != "i" or index.shape != (len(file["X"]),)
        or (np.diff(index) <= 0).any() or index[0] < 0 or index[-1] >= counts.sum()
    ):  # fmt: skip
        raise RadioMLError(f"{path}: the array {INDEX!r} is not one that `radioml data subset` wrote; cut it again")
    return CutFrom(counts.astype(np.int64), index.astype(np.int64))


def read_frames(path: Path | str, indices: np.ndarray) -> Frames:
    """Read the frames at `indices` (any order), with the labels of their places.

    Raises RadioMLError for a file that is no RadioML file or is damaged at a frame, IndexError for an index outside it.
    """
    return Frames(read_iq(path, indices), *read_layout(path).labels(indices))


def read_iq(path: Path | str, indices: np.ndarray) -> np.ndarray:
    """The samples of the frames at `indices` (any order), float32 (N, 1024, 2); raises as `read_frames`."""
    unique, inverse = np.unique(np.asarray(indices, dtype=np.int64), return_inverse=True)
    with open_dataset(path) as file:
        frames = file["X"]
        if len(unique) and not 0 <= unique[0] <= unique[-1] < len(frames):
            outside = unique[0] if unique[0] < 0 else unique[-1]
            raise IndexError(f"frame {outside} of a file of {len(frames)}")
        return read_rows(path, frames, unique, np.float32)[inverse]


def read_rows(
    path: Path | str, array: h5py.Dataset, positions: np.ndarray, kind: np.dtype | type | None = None
) -> np.ndarray:
    """The rows at `positions`, int64 ascending, of an array of an open RadioML file, as type `kind`."""
    rows = np.empty((len(positions), *array.shape[1:]), kind or array.dtype)
    # h5py reads a slice hundreds of times faster than scattered rows: read each run of neighbours at once.
    starts = np.flatnonzero(np.diff(positions, prepend=-_GAP - 1) > _GAP)
    for start, stop in pairwise([*starts, len(positions)]):
        first = positions[start]
        run = read_slice(path, array, first, positions[stop - 1] + 1)
        rows[start:stop] = run[positions[start:stop] - first]
    return rows


def read_slice(path: Path | str, array: h5py.Dataset, start: int, stop: int) -> np.ndarray:
    """`array[start:stop]` of an open RadioML file; a damaged block becomes a RadioMLError that says where."""
    try:
        return array[start:stop]
    except (OSError, RuntimeError, ValueError) as error:
        name = array.name.lstrip("/")
        raise RadioMLError(f"{path}: {name} cannot be read from frame {start} on: {brief(error)}") from error
