"""ZIP archives: packages, NumPy's .npz."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from radioml.errors import RadioMLError
from radioml.reading.text import brief, reading

_ENCRYPTED = 0x1 | 0x40
_PATCHES = 0x20
"""Bits of a member's general purpose flag; section 4.4.4 of PKWARE's APPNOTE.TXT."""
_BLOCK = 1 << 20
_DAMAGE = (BadZipFile, zlib.error, EOFError, OSError, ValueError, OverflowError, NotImplementedError)
"""What `zipfile` raises for an archive that was cut off or changed. OSError, ValueError: places before the file's
beginning; ValueError, too: names that are not UTF-8."""


class Archive:
    """An open ZIP archive whose names, sizes and methods have been checked."""

    def __init__(self, path: Path | str, file: ZipFile) -> None:
        self._path, self._file = path, file
        self.names = file.namelist()

    def read(self, name: str) -> bytes:
        """The content of a member; raises RadioMLError where it was damaged, KeyError for a name that is not there."""
        return b"".join(self._blocks(name))

    def extract(self, name: str, folder: Path) -> None:
        """Write a member to the file of its name in a folder; raises RadioMLError where it was damaged."""
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as stream:
            stream.writelines(self._blocks(name))

    def _blocks(self, name: str) -> Iterator[bytes]:
        member = self._file.getinfo(name)
        with _damaged(self._path):
            stream = self._file.open(member)
        with stream:
            while True:
                with _damaged(self._path):
                    block = stream.read(_BLOCK)  # at the end it compares the check sum
                if not block:
                    return
                yield block


@contextmanager
def open_zip(path: Path | str, most_bytes: int) -> Iterator[Archive]:
    """Open a ZIP archive of at most `most_bytes`, unpacked.

    Raises RadioMLError for a file that is missing, no ZIP archive, damaged or too large, and for members that are
    encrypted, compressed by another method than deflate, no files, or of a name that leads out of a folder.
    """
    with ExitStack() as stack:
        with reading(path):
            stream = stack.enter_context(Path(path).open("rb"))
        with _damaged(path):
            file = ZipFile(stream)
        _check(path, file.infolist(), most_bytes)
        yield Archive(path, file)


@contextmanager
def _damaged(path: Path | str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise RadioMLError(
            f"{path}: not a ZIP archive, or a damaged one ({brief(error)}); copy or make it again"
        ) from error


def _check(path: Path | str, members: list[ZipInfo], most_bytes: int) -> None:
    if (size := sum(member.file_size for member in members)) > most_bytes:
        raise RadioMLError(f"{path}: {size:,} bytes unpacked; at most {most_bytes:,} are allowed")
    names = Counter(member.filename for member in members)
    for member in members:
        name = PurePosixPath(member.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in member.filename:
            raise RadioMLError(f"{path}: {member.filename!r} points outside the archive; nothing was unpacked")
        is_file = name.parts and not member.is_dir() and not any(str(folder) in names for folder in name.parents)
        if not is_file or names[member.filename] > 1:
            raise RadioMLError(f"{path}: {member.filename!r} is not one file")
        if member.flag_bits & (_ENCRYPTED | _PATCHES) or member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise RadioMLError(
                f"{path}: {member.filename!r} is encrypted, or compressed by another method than deflate"
            )
