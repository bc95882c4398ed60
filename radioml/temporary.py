"""Temporary files and folders that are removed even after their process was killed.

Beside each lies a lock file, which the process locks while it lives. A lock that can be taken belongs to a dead
process; the next process that makes a temporary file there removes the leftovers. On a file system without locks (some
NFS) leftovers stay.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = re.compile(r"^\.(?P<name>.+)\.(?P<token>[0-9a-f]{16})\.lock$", re.DOTALL)
_LONGEST = 100
"""Most characters of a file's name that its temporary file's name repeats; a name may have 255 bytes."""


@contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """Yield an empty file beside `path`, hidden and with its suffix; it is removed at the end if it is still there.

    Raises OSError where it cannot be made.
    """
    suffix = path.suffix if len(path.suffix) < _LONGEST else ""
    with _owned(path.parent, path.stem[:_LONGEST]) as name:
        temporary = path.parent / f".{name}.tmp{suffix}"
        os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            yield temporary
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()


@contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """Yield a fresh folder in the system's place for them; it is removed at the end."""
    parent = Path(tempfile.gettempdir())
    with _owned(parent, name) as owned:
        folder = parent / owned
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _owned(folder: Path, name: str) -> Iterator[str]:
    """Yield NAME.TOKEN, a name that no other process uses, after removing the leftovers of dead processes."""
    _collect(folder)
    while True:
        owned = f"{name}.{secrets.token_hex(8)}"
        lock = folder / f".{owned}.lock"
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            break
        os.close(handle)  # another process took the file for a leftover before it was locked
    try:
        yield owned
    finally:
        with suppress(FileNotFoundError):
            lock.unlink()
        os.close(handle)


def _collect(folder: Path) -> None:
    """Remove the leftovers of dead processes from a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        left = [matched for entry in entries if (matched := _LOCK.match(entry.name))]
        for lock in left:
            with suppress(OSError):  # of another user, or removed by another process just now
                _collect_one(folder, f"{lock['name']}.{lock['token']}")


def _collect_one(folder: Path, owned: str) -> None:
    lock = folder / f".{owned}.lock"
    handle = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for entry in list(os.scandir(folder)):
            if entry.name.startswith(f".{owned}.tmp"):
                Path(entry.path).unlink()
            elif entry.name == owned and entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
        lock.unlink()
    finally:
        os.close(handle)
