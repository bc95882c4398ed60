"""Opens data files, told apart by their content: HDF5, MATLAB, NumPy and pickles become named arrays."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np

from radioml.data.importing.arrays import Array, in_memory
from radioml.data.importing.hdf5 import hdf5_arrays
from radioml.data.importing.pickled import read_cells, unpickled
from radioml.errors import MissingToolError, RadioMLError

_HDF5 = b"\x89HDF\r\n\x1a\n"
_MATLAB_5 = b"MATLAB 5.0 MAT-file"
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7-zip", b"Rar!": "rar"}
_TAR_AT = 257  # of b"ustar"
_SUPPORTED = (
    "HDF5 (.h5, .hdf5), MATLAB (.mat), NumPy (.npy, .npz), and pickles of NumPy arrays, as RadioML 2016's, can be read"
)


@contextmanager
def opened_arrays(path: Path, scratch: Path) -> Iterator[list[Array] | dict[Any, np.ndarray]]:
    """The arrays of a file; of a pickle in the form of RadioML 2016, the frames by (modulation, SNR).

    The content tells the kind of file. scratch: a folder with room for the arrays of an .npz, which are unpacked there
    while the file is open. Raises RadioMLError for a file of another kind, or a damaged one.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(1024)
    except FileNotFoundError as error:
        raise RadioMLError(f"{path}: no such file") from error
    with ExitStack() as stack:
        if head.startswith(_HDF5) or head[512:520] == _HDF5:
            yield stack.enter_context(hdf5_arrays(path))
        elif head.startswith(_MATLAB_5):
            yield _matlab_5(path)
        elif head.startswith(b"\x93NUMPY"):
            with path.open("rb") as stream:
                yield [_npy(path, path.stem, stream)]
        elif head.startswith(b"PK"):
            yield _npz(path, scratch, stack)
        elif packed := _packed(head):
            raise RadioMLError(f"{path}: packed with {packed}; unpack it first")
        elif head[:1] in (b"\x80", b"(", b"c", b"]", b"}"):
            cells = read_cells(path)
            named = all(isinstance(key, str) for key in cells)
            yield _named(path, cells) if named else cells
        else:
            raise RadioMLError(f"{path}: unknown kind of file; {_SUPPORTED}")


def _packed(head: bytes) -> str | None:
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "tar"
    return next((name for magic, name in _PACKED.items() if head.startswith(magic)), None)


def _named(source: Path, values: dict[str, Any], last_is_slowest: bool = False) -> list[Array]:
    """The arrays of a dictionary; lists become arrays, anything else is left out."""
    arrays = []
    for name, value in values.items():
        if isinstance(value, (list, tuple)) and all(isinstance(item, (str, int, float)) for item in value):
            value = np.array(value)
        if isinstance(value, np.ndarray) and value.ndim:
            arrays.append(in_memory(str(source), name, value, last_is_slowest))
    return arrays


def _matlab_5(path: Path) -> list[Array]:
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise MissingToolError(
            f"{path}: a MATLAB file of version 5 to 7, which `pip install scipy` reads; or save it with -v7.3"
        ) from error
    try:
        content = loadmat(path, chars_as_strings=True)
    except Exception as error:  # a damaged file raises nearly anything
        raise RadioMLError(f"{path}: not a readable MATLAB file: {error}") from error
    plain = {}
    for name, value in content.items():
        if name.startswith("__"):
            continue
        if value.dtype.kind == "O" and all(getattr(item, "dtype", value.dtype).kind == "U" for item in value.ravel()):
            value = np.array(["".join(item.ravel()) for item in value.ravel()]).reshape(value.shape)  # cells of names
        plain[name] = value
    return _named(path, plain, last_is_slowest=True)


def _npz(path: Path, scratch: Path, stack: ExitStack) -> list[Array]:
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
        members = archive.infolist()
        if any(member.filename.endswith("data.pkl") for member in members):
            raise RadioMLError(
                f"{path}: a PyTorch file; its pickle could execute code, so it is refused. Save the arrays as .npz"
            )
        names = [member for member in members if member.filename.endswith(".npy")]
        if not names:
            raise RadioMLError(f"{path}: an archive without NumPy arrays; {_SUPPORTED}")
        arrays = []
        for member in names:
            if shutil.disk_usage(scratch).free < member.file_size:
                raise RadioMLError(
                    f"{path}: {member.filename} has {member.file_size:,} bytes; {scratch} has less free space"
                )
            # A file without a name in the folder, so that none is left behind
            unpacked = stack.enter_context(TemporaryFile(dir=scratch))  # noqa: SIM115
            with archive.open(member) as packed:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
            unpacked.seek(0)
            arrays.append(_npy(path, member.filename.removesuffix(".npy"), unpacked))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise RadioMLError(f"{path}: not a readable .npz: {error}") from error
    return arrays


def _npy(path: Path, name: str, stream: BinaryIO) -> Array:
    """An array in NumPy's format, mapped; an array of names that Python pickled is read."""
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(stream)
        if dtype.hasobject:
            values = unpickled(stream, f"{path}: {name}")
            return in_memory(str(path), name, np.asarray(values).reshape(shape))
        if not np.prod(shape):
            return in_memory(str(path), name, np.empty(shape, dtype))
        values = np.memmap(stream, dtype, "r", stream.tell(), shape, "F" if fortran else "C")
    except (ValueError, EOFError, TypeError, OverflowError) as error:
        raise RadioMLError(f"{path}: {name} is not a readable NumPy array: {error}") from error
    return in_memory(str(path), name, values)
