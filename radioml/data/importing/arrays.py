"""Arrays in the files of others, read a part at a time, and the frames in them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from radioml.constants import FRAME_LENGTH

_COMPLEX_FIELDS = (("real", "imag"), ("r", "i"), ("re", "im"), ("i", "q"))
"""Names of the two fields of a complex number in files whose format has no complex type, as MATLAB's."""

SliceOf = Callable[[int, int, int], np.ndarray]
"""Reads the slice of an array along an axis, from a start to a stop."""


@dataclass(frozen=True)
class Array:
    """A stored array.

    source: the file. name: name in the file. slice_of: reads a slice. last_is_slowest: whether the dimensions are in
    reverse order, as in MATLAB's files. problem: why the array cannot be read, "" where it can.
    """

    source: str
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    slice_of: SliceOf
    last_is_slowest: bool = False
    problem: str = ""

    def __str__(self) -> str:
        """Name, type and shape."""
        kind = "text" if self.is_text else str(self.dtype)
        return f"{self.name} ({kind}, {' x '.join(map(str, self.shape))})"

    @property
    def is_text(self) -> bool:
        """Whether it holds names."""
        return self.dtype.kind in "OSUT"

    @property
    def is_complex(self) -> bool:
        """Whether it holds complex numbers, as such or as pairs of named fields."""
        return self.dtype.kind == "c" or _fields(self.dtype) is not None

    def read(self, axis: int, start: int, stop: int) -> np.ndarray:
        """A slice along `axis`; pairs of named fields become complex numbers."""
        values = self.slice_of(axis, start, stop)
        if (fields := _fields(values.dtype)) is not None:
            return values[fields[0]] + 1j * values[fields[1]]
        return values

    def rows(self, axis: int, size: int) -> Iterator[np.ndarray]:
        """The whole array in slices of `size` along `axis`, which comes first in each slice."""
        for start in range(0, self.shape[axis], size):
            stop = min(start + size, self.shape[axis])
            yield np.moveaxis(self.read(axis, start, stop), axis, 0)


def in_memory(source: str, name: str, values: np.ndarray, last_is_slowest: bool = False) -> Array:
    """An array that NumPy has at hand, mapped or in memory."""

    def slice_of(axis: int, start: int, stop: int) -> np.ndarray:
        return values[(slice(None),) * axis + (slice(start, stop),)]

    return Array(source, name, values.shape, values.dtype, slice_of, last_is_slowest)


def _fields(dtype: np.dtype) -> tuple[str, str] | None:
    if dtype.names is None or tuple(name.lower() for name in dtype.names) not in _COMPLEX_FIELDS:
        return None
    real, imaginary = dtype.names
    return real, imaginary


@dataclass(frozen=True)
class Axes:
    """Which axis of an array counts frames, samples, and I and Q (None where numbers are complex)."""

    frames: int
    samples: int
    iq: int | None


def frame_axes(array: Array, length: int = FRAME_LENGTH) -> Axes | None:
    """Where in an array frames of `length` samples lie; None where there are none. Axes of size 1 count nothing."""
    if not (array.is_complex or array.dtype.kind in "fiu"):
        return None
    axes = range(len(array.shape))
    found = []
    for frames, samples, iq in itertools.permutations([*axes, None], 3):
        if frames is None or samples is None or (iq is None) != array.is_complex:
            continue
        sizes = (array.shape[samples], 2 if iq is None else array.shape[iq])
        others = [array.shape[axis] for axis in axes if axis not in (frames, samples, iq)]
        if sizes == (length, 2) and set(others) <= {1}:
            found.append(Axes(frames, samples, iq))
    slowest = len(array.shape) - 1 if array.last_is_slowest else 0
    # Where sizes leave a choice (1, 2 or 1024 frames), the slowest axis counts frames, and I and Q are closest.
    return min(found, key=lambda a: (a.frames != slowest, (a.iq or 0) < a.samples, a.frames), default=None)


def as_frames(rows: np.ndarray, axes: Axes) -> np.ndarray:
    """Rows of an array, its axis of frames first, as float32 (n, samples, 2)."""
    # The places of the other two axes after the axis of frames moved to the front.
    samples = axes.samples + (axes.samples < axes.frames)
    if axes.iq is None:
        values = np.moveaxis(rows, samples, 1).reshape(len(rows), -1)
        return np.stack([values.real, values.imag], axis=2).astype(np.float32)
    iq = axes.iq + (axes.iq < axes.frames)
    with np.errstate(over="ignore"):  # numbers beyond float32 become infinite, and are reported
        return np.ascontiguousarray(np.moveaxis(rows, (samples, iq), (1, 2)).reshape(len(rows), -1, 2), np.float32)
