"""NumPy arrays and RadioML files: frames as they are, or samples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deploy.sources.formats import full_scale_1
from deploy.sources.source import BLOCK_FRAMES, Block, Chunk, Source
from radioml.constants import FRAME_LENGTH
from radioml.data.dataset import open_dataset, read_iq
from radioml.data.importing.arrays import as_frames, frame_axes, in_memory
from radioml.errors import RadioMLError
from radioml.reading.arrays import read_npy

_KINDS = "fciu"


def array_source(path: Path) -> tuple[Source, Iterator[Chunk] | None, int]:
    """The source of a NumPy array; for an array of samples also its chunks and the number of samples.

    Frames: 1,024 samples with I and Q in any axis, or complex. Samples: (M, 2), (2, M), complex (M,), or interleaved
    integers or floats (2 M,). Raises RadioMLError for another array.
    """
    array = read_npy(path)
    if array.dtype.kind not in _KINDS:
        raise RadioMLError(f"{path}: {array.dtype}; float, complex and integer numbers can be read")
    if array.ndim > 1 and array.size and _are_frames(array):
        return Source(str(path), _frames(path, array), False, frames=array.size // _numbers(array)), None, 0
    flat = _samples(path, array)
    count = len(flat) if array.dtype.kind == "c" else len(flat) // 2
    return Source(str(path), iter(()), True), _chunks(flat), count


def _are_frames(array: np.ndarray) -> bool:
    """Whether an array holds frames. Arrays (1024, 2) and (2, 1024) hold samples, enough for one frame."""
    return array.ndim > 2 - (array.dtype.kind == "c") and frame_axes(in_memory("", "", array)) is not None


def _numbers(array: np.ndarray) -> int:
    return FRAME_LENGTH if array.dtype.kind == "c" else 2 * FRAME_LENGTH


def _frames(path: Path, array: np.ndarray) -> Iterator[Block]:
    stored = in_memory(str(path), "array", array)
    axes = frame_axes(stored)
    assert axes is not None
    for rows in stored.rows(axes.frames, BLOCK_FRAMES):
        if array.dtype == np.int8:  # the network's own integers
            yield Block(as_frames(rows, axes).astype(np.int8))
        elif array.dtype.kind in "iu":
            yield Block(as_frames(full_scale_1(rows), axes))
        else:
            yield Block(as_frames(rows, axes))


def _samples(path: Path, array: np.ndarray) -> np.ndarray:
    """Complex samples, or interleaved numbers."""
    complex_ = array.dtype.kind == "c"
    if array.ndim == 1 and (complex_ or len(array) % 2 == 0):
        return array
    if array.ndim == 2 and not complex_ and 2 in array.shape:
        return (array if array.shape[1] == 2 else array.T).reshape(-1)
    raise RadioMLError(
        f"{path}: {array.dtype} {array.shape}; expected frames of {FRAME_LENGTH} samples, (N, {FRAME_LENGTH}, 2), "
        f"(N, 2, {FRAME_LENGTH}) or complex (N, {FRAME_LENGTH}), or samples (M, 2), (2, M), complex (M,) or "
        "interleaved (2 M,)"
    )


def _chunks(flat: np.ndarray) -> Iterator[Chunk]:
    numbers = 1 if flat.dtype.kind == "c" else 2
    size = BLOCK_FRAMES * FRAME_LENGTH
    for start in range(0, len(flat) // numbers, size):
        part = np.ascontiguousarray(flat[start * numbers : (start + size) * numbers])
        if numbers == 1:
            samples = part.astype(np.complex64, copy=False).view(np.float32).reshape(-1, 2)
        else:
            samples = full_scale_1(part.reshape(-1, 2))
        yield Chunk(samples, start)


def radioml_source(path: Path) -> Source:
    """All frames of a RadioML file, in its order."""
    with open_dataset(path) as file:
        count = len(file["X"])
    parts = (np.arange(at, min(at + BLOCK_FRAMES, count)) for at in range(0, count, BLOCK_FRAMES))
    return Source(str(path), (Block(read_iq(path, part)) for part in parts), False, frames=count)
