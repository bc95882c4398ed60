"""NumPy's arrays (.npy) and archives of arrays (.npz), without pickled objects."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError
from typing import BinaryIO

import numpy as np

from radioml.errors import RadioMLError
from radioml.reading.archive import open_zip
from radioml.reading.text import brief, reading

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""Format version of a .npy file -> reader of its header."""
_NUMBERS = "biufc"
"""Kinds of types, as `numpy.dtype.kind` has them."""
_MOST_DIMENSIONS, _MOST = 32, 1 << 48
"""Dimensions and elements of an array that NumPy can have."""
_MOST_BYTES = 1 << 28
"""Most bytes of the arrays in one archive, unpacked; golden frames have less than a megabyte."""


def read_npy(path: Path | str) -> np.ndarray:
    """The array of a .npy file, mapped from the file and read-only.

    Raises RadioMLError for a file that is missing, of another kind, truncated, or of Python objects.
    """
    with reading(path), Path(path).open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        shape, in_columns, dtype = _header(stream, size, path)
        offset = stream.tell()
        if not math.prod(shape):  # what has no bytes cannot be mapped
            return np.empty(shape, dtype)
        return np.memmap(stream, dtype, "r", offset, shape, "F" if in_columns else "C")


def read_npz(path: Path | str, names: Sequence[str]) -> list[np.ndarray]:
    """The arrays of these names in a .npz file, whose check sums are compared.

    Raises RadioMLError for a file that is missing, of another kind, damaged, or lacks one of the arrays.
    """
    with open_zip(path, _MOST_BYTES) as archive:
        if missing := [name for name in names if f"{name}.npy" not in archive.names]:
            raise RadioMLError(f"{path}: no array {', '.join(missing)} in it")
        return [_array(archive.read(f"{name}.npy"), f"{path}: {name}") for name in names]


def _array(data: bytes, source: str) -> np.ndarray:
    stream = io.BytesIO(data)
    shape, in_columns, dtype = _header(stream, len(data), source)
    count = math.prod(shape)
    flat = np.frombuffer(data, dtype, count, stream.tell()) if count else np.empty(0, dtype)
    return flat.reshape(shape, order="F" if in_columns else "C")


def _header(stream: BinaryIO, size: int, source: Path | str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether columns come first, and type of an array that a stream of `size` bytes holds in full."""
    try:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"format version {version}")
        shape, in_columns, dtype = _HEADERS[version](stream)
    # NumPy lets errors of the parser through: a header is written in Python literals.
    except (ValueError, TypeError, LookupError, SyntaxError, TokenError, RecursionError, MemoryError) as error:
        raise RadioMLError(f"{source}: not a NumPy array: {brief(error)}") from error
    elements = math.prod(max(length, 1) for length in shape)  # NumPy counts empty arrays so, too
    if dtype.kind not in _NUMBERS or min(shape, default=0) < 0 or len(shape) > _MOST_DIMENSIONS or elements > _MOST:
        raise RadioMLError(f"{source}: {dtype} {shape}: not an array of numbers")
    needed = math.prod(shape) * dtype.itemsize
    if (present := size - stream.tell()) < needed:
        raise RadioMLError(f"{source}: truncated: {dtype} {shape} has {needed:,} bytes, {present:,} are there")
    return shape, in_columns, dtype
