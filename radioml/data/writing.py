"""Writing RadioML files: frames go to their places in the order of the file, whatever order they come in.

HDF5 makes the file and its labels; the frames are written past it, because HDF5 crashes the process after a write for
which there is no space.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from radioml.constants import CLASSES, FRAME_LENGTH
from radioml.data.dataset import CUT_CELLS, INDEX
from radioml.data.layout import Layout, counts_of
from radioml.data.provenance import FIRST_FRAMES
from radioml.files import replacing

FRAMES_SHA256 = "frames_sha256"
"""Attribute: SHA-256 of the array X as little-endian float32, as it was written; `radioml data check` compares it."""
FRAME_BYTES = FRAME_LENGTH * 2 * 4
_LABEL_BYTES = len(CLASSES) * 8 + 8 + 8
_LABELS_AT_ONCE = 1 << 16
_BYTES_AT_ONCE = 1 << 23


def create(path: Path, layout: Layout, attributes: Mapping[str, Any]) -> int:
    """Make a RadioML file with labels and without frames; returns where in the file the first frame belongs.

    Raises OSError when it is too large for the disk.
    """
    import h5py

    total = layout.frames
    _require_space(path, total * (FRAME_BYTES + _LABEL_BYTES))
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        frames = file.create_dataset("X", (total, FRAME_LENGTH, 2), "<f4")
        one_hot = file.create_dataset("Y", (total, len(CLASSES)), np.int64)
        snr_db = file.create_dataset("Z", (total, 1), np.int64)
        for start in range(0, total, _LABELS_AT_ONCE):
            part = slice(start, min(start + _LABELS_AT_ONCE, total))
            class_index, snr_db[part, 0] = layout.labels(np.arange(part.start, part.stop))
            one_hot[part] = class_index[:, None] == np.arange(len(CLASSES))
        if cut := layout.cut_from:
            file[INDEX] = cut.index
            file[INDEX].attrs[CUT_CELLS] = cut.counts
        frames[0] = 0  # now the array has its place in the file
        return frames.id.get_offset()


def write_part(
    path: Path,
    cells: np.ndarray,
    blocks: Iterable[np.ndarray],
    attributes: Mapping[str, Any],
    layout: Layout | None = None,
    progress: Callable[[int], object] = lambda frames: None,
) -> None:
    """Write a RadioML file of frames that come in any order; it appears under its name when it is complete.

    Args:
        path: the file to write.
        cells: int64 (N,), the cell of each frame that comes, -1 for those that are left out.
        blocks: the frames, float32 (n, 1024, 2), N in all.
        attributes: of the file, beside the digests of its frames, which are added here.
        layout: the cells of the new file, where it remembers what it was cut out of.
        progress: called with the number of frames that came.

    Raises:
        RadioMLError: it is too large for the disk.
    """
    import h5py

    order = np.flatnonzero(cells >= 0)
    order = order[np.argsort(cells[order], kind="stable")]
    places = np.full(len(cells), -1, np.int64)
    places[order] = np.arange(len(order))
    layout = layout or Layout(counts_of(cells[cells >= 0]))
    with replacing(path) as temporary:
        offset = create(temporary, layout, attributes)
        with temporary.open("r+b") as stream:
            done = 0
            for block in blocks:
                _write(stream, offset, places[done : done + len(block)], block)
                done += len(block)
                progress(len(block))
            digest = _digest(stream, offset, layout.frames * FRAME_BYTES)
            first = _first_frames(stream, offset, layout)
        with h5py.File(temporary, "r+") as file:
            file.attrs[FRAMES_SHA256] = digest
            file.attrs[FIRST_FRAMES] = first


def _write(stream: BinaryIO, offset: int, places: np.ndarray, frames: np.ndarray) -> None:
    """Write frames, float32 (n, 1024, 2), at their places, int64 (n,), neighbours together; -1: not at all."""
    order = np.argsort(places, kind="stable")
    order = order[places[order] >= 0]
    for run in np.split(order, np.flatnonzero(np.diff(places[order]) != 1) + 1):
        if len(run):
            stream.seek(offset + int(places[run[0]]) * FRAME_BYTES)
            stream.write(np.ascontiguousarray(frames[run], "<f4").data)


def _digest(stream: BinaryIO, offset: int, size: int) -> str:
    digest = hashlib.sha256()
    stream.seek(offset)
    for start in range(0, size, _BYTES_AT_ONCE):
        digest.update(stream.read(min(_BYTES_AT_ONCE, size - start)))
    return digest.hexdigest()


def _first_frames(stream: BinaryIO, offset: int, layout: Layout) -> str:
    """As `radioml.data.provenance.first_frames`."""
    digest = hashlib.sha256()
    for first in layout.first_of_cells:
        stream.seek(offset + first * FRAME_BYTES)
        digest.update(stream.read(FRAME_BYTES))
    return digest.hexdigest()[:12]


def _require_space(path: Path, size: int) -> None:
    """Raise OSError before hours of computing when a file cannot grow to `size` bytes."""
    if size >= 1 << 63:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    path.touch()
    os.truncate(path, size)  # refused beyond the limit of a file's size; takes no space
    if shutil.disk_usage(path.parent).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
