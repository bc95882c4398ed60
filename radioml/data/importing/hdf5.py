"""Arrays in HDF5 files. MATLAB's version 7.3 writes HDF5, too, with names as character codes and references."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioml.data.importing.arrays import Array, SliceOf, in_memory
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    import h5py

_MOST_ARRAYS = 1000


@contextmanager
def hdf5_arrays(path: Path) -> Iterator[list[Array]]:
    """All arrays of an HDF5 file, those in groups by their path; raises RadioMLError for a damaged file."""
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise RadioMLError(f"{path}: not an HDF5 file, or a truncated one ({error})") from error
    with file:
        found: list[Array] = []

        def visit(name: str, item: object) -> bool | None:
            if isinstance(item, h5py.Dataset) and item.shape and not name.startswith("#"):
                found.append(_array(path, file, name, item))
            return True if len(found) == _MOST_ARRAYS else None

        try:
            file.visititems(visit)
            found += _class_names(path, file)
        except (OSError, RuntimeError, ValueError) as error:
            raise RadioMLError(f"{path}: cannot be read: {error}") from error
        yield found


def _array(path: Path, file: h5py.File, name: str, item: h5py.Dataset) -> Array:
    import h5py

    matlab = _text(item.attrs.get("MATLAB_class", ""))
    slice_of = _slices(path, item)
    shape, dtype, problem = item.shape, item.dtype, ""
    if matlab == "char":  # a row for each character of the longest name
        shape, dtype, slice_of = shape[1:], np.dtype("O"), _joined(slice_of)
    elif matlab == "cell" and h5py.check_ref_dtype(item.dtype):
        dtype, slice_of = np.dtype("O"), _followed(file, slice_of)
    elif matlab in ("categorical", "string", "table", "datetime"):
        problem = f"a MATLAB object of class {matlab}; save it as cellstr({name}), or as numbers"
    elif h5py.check_string_dtype(item.dtype):
        dtype = np.dtype("O")
    return Array(str(path), name, shape, dtype, slice_of, bool(matlab), problem)


def _slices(path: Path, item: h5py.Dataset) -> SliceOf:
    def slice_of(axis: int, start: int, stop: int) -> np.ndarray:
        try:
            values = item[(slice(None),) * axis + (slice(start, stop),)]
        except (OSError, ValueError, TypeError) as error:
            raise RadioMLError(f"{path}: {item.name.lstrip('/')} cannot be read from {start} on: {error}") from error
        return values

    return slice_of


def _joined(slice_of: SliceOf) -> SliceOf:
    """Names from a table of character codes, one name a column."""

    def names(axis: int, start: int, stop: int) -> np.ndarray:
        codes = slice_of(axis + 1, start, stop)
        return np.array(["".join(map(chr, column)).rstrip(" \0") for column in codes.T], object)

    return names


def _followed(file: h5py.File, slice_of: SliceOf) -> SliceOf:
    """Names that the elements of a cell array refer to."""

    def names(axis: int, start: int, stop: int) -> np.ndarray:
        references = slice_of(axis, start, stop)
        found = ["".join(map(chr, np.asarray(file[reference]).ravel())) for reference in references.ravel()]
        return np.array(found, object).reshape(references.shape)

    return names


def _class_names(path: Path, file: h5py.File) -> list[Array]:
    """Lists of names in the attributes of the file and of its arrays."""
    lists = []
    for owner in (file, *(item for item in file.values() if hasattr(item, "attrs"))):
        for name, value in owner.attrs.items():
            value = np.asarray(value)
            if value.ndim == 1 and value.dtype.kind in "OSU" and len(value) > 1:
                names = np.array([_text(item) for item in value], object)
                lists.append(in_memory(str(path), name, names))
    return lists


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
