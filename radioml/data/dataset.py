"""The RadioML 2018.01A file: what is in it, and reading frames out of it.

`X` float32 (N, 1024, 2) holds I and Q, `Y` int64 (N, 24) one-hot classes, `Z` int64 (N, 1) the SNR label in dB; frames
are ordered by class, then SNR, and every such cell has the same number of frames (4096 in the published file).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioml.constants import CLASSES, FRAME_LENGTH, SNRS_DB
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    import h5py

CELLS = len(CLASSES) * len(SNRS_DB)
_GAP = 16  # frames apart at which two reads are faster than one across the gap


@dataclass(frozen=True)
class Frames:
    """Some frames: iq float32 (N, 1024, 2), class_index int64 (N,), snr_db int64 (N,)."""

    iq: np.ndarray
    class_index: np.ndarray
    snr_db: np.ndarray

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.iq)


def cell_labels(indices: np.ndarray, frames_per_cell: int) -> tuple[np.ndarray, np.ndarray]:
    """Class index and SNR in dB of file positions, from the file's fixed order alone."""
    cell = np.asarray(indices, dtype=np.int64) // frames_per_cell
    return cell // len(SNRS_DB), np.asarray(SNRS_DB, dtype=np.int64)[cell % len(SNRS_DB)]


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

    try:
        file = h5py.File(path, "r")
    except FileNotFoundError as error:
        raise RadioMLError(f"{path}: no such file") from error
    except OSError as error:
        raise RadioMLError(f"{path}: not an HDF5 file, or a truncated one ({error})") from error
    with file:
        for name, tail, kind in (
            ("X", (FRAME_LENGTH, 2), "float32"), ("Y", (len(CLASSES),), "int64"), ("Z", (1,), "int64"),
        ):  # fmt: skip
            array = file.get(name)
            if not isinstance(array, h5py.Dataset):
                raise RadioMLError(f"{path}: no array {name!r}: not a RadioML 2018.01A file")
            if array.shape[1:] != tail or array.dtype != kind:
                wanted = ", ".join(["N", *map(str, tail)])
                raise RadioMLError(f"{path}: {name} is {array.dtype} {array.shape}; expected {kind} ({wanted})")
        frames = len(file["X"])
        if frames == 0 or frames % CELLS or any(len(file[name]) != frames for name in "YZ"):
            lengths = ", ".join(f"{name}: {len(file[name])}" for name in "XYZ")
            raise RadioMLError(
                f"{path}: {lengths} frames; expected equal numbers, a multiple of {CELLS} "
                f"({len(CLASSES)} classes x {len(SNRS_DB)} SNRs)"
            )
        yield file


def frames_per_cell(path: Path | str) -> int:
    """Frames of one class at one SNR in a RadioML file.

    Everything that follows from it takes labels and split from the file's order, so that is looked at: all SNRs, and
    the class of each cell's first and last frame. Raises RadioMLError for a file that has another order.
    """
    with open_dataset(path) as file:
        count = len(file["X"]) // CELLS
        borders = np.arange(CELLS) * count
        ends = np.stack([borders, borders + count - 1], 1).ravel()
        # A cell's last frame and the next one's first are neighbours: read as one slice.
        stored = [read_slice(path, file["Y"], max(at - 1, 0), at + 1) for at in (*borders, CELLS * count)]
        class_index, _ = cell_labels(ends, count)
        wrong = ends[(np.concatenate(stored) != (class_index[:, None] == np.arange(len(CLASSES)))).any(1)]
        if not len(wrong):
            _, snr_db = cell_labels(np.arange(CELLS * count), count)
            wrong = np.flatnonzero(read_slice(path, file["Z"], 0, CELLS * count)[:, 0] != snr_db)
    if len(wrong):
        raise RadioMLError(
            f"{path}: frame {wrong[0]} has the label of another place: frames are expected by class, then SNR, {count} "
            f"of each, as in RadioML 2018.01A; `radioml data check {path}` says which others are"
        )
    return count


def read_frames(path: Path | str, indices: np.ndarray) -> Frames:
    """Read the frames at `indices` (any order), with the labels of their places.

    Labels follow from the file's fixed order, as in training; `radioml data check` compares those that are stored.
    Raises RadioMLError for a file that is no RadioML file or is damaged at a frame, IndexError for an index outside it.
    """
    unique, inverse = np.unique(np.asarray(indices, dtype=np.int64), return_inverse=True)
    with open_dataset(path) as file:
        frames = file["X"]
        if len(unique) and not 0 <= unique[0] <= unique[-1] < len(frames):
            raise IndexError(f"frame {unique[-1]} of a file of {len(frames)}")
        iq = np.empty((len(unique), FRAME_LENGTH, 2), np.float32)
        # h5py reads a slice hundreds of times faster than scattered rows: read each run of neighbours at once.
        starts = np.flatnonzero(np.diff(unique, prepend=-_GAP - 1) > _GAP)
        for start, stop in zip(starts, [*starts[1:], len(unique)], strict=True):
            first = unique[start]
            run = read_slice(path, frames, first, unique[stop - 1] + 1)
            iq[start:stop] = run[unique[start:stop] - first]
        class_index, snr_db = cell_labels(unique, len(frames) // CELLS)
    return Frames(iq[inverse], class_index[inverse], snr_db[inverse])


def read_slice(path: Path | str, array: h5py.Dataset, start: int, stop: int) -> np.ndarray:
    """`array[start:stop]` of an open RadioML file; a damaged block becomes a RadioMLError that says where."""
    try:
        return array[start:stop]
    except OSError as error:
        name = array.name.lstrip("/")
        raise RadioMLError(f"{path}: {name} cannot be read from frame {start} on: {error}") from error
