"""Writing files so that an interrupted run never leaves half of one, and telling files apart by content."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from radioml.errors import RadioMLError
from radioml.temporary import temporary_file

CACHE_VARIABLE = "RADIOML_CACHE"
"""Environment variable that names a folder for what can be computed again: converted data, compiled simulators."""

_NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def chosen_cache() -> Path | None:
    """The folder that `CACHE_VARIABLE` names, None where it names none."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser().resolve() if chosen else None


def home_cache() -> Path:
    """The user's own cache folder: ~/.cache/radioml, or `radioml` in XDG_CACHE_HOME."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "radioml"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make `folder` if need be and keep other processes that ask for it out, until this one leaves it or dies.

    Raises RadioMLError when another one is in it. On a file system that locks no folders (some NFS) nobody is kept out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RadioMLError(
                f"{folder}: another process is working in this folder; let it finish, then try again"
            ) from error
        except OSError as error:
            if error.errno not in (errno.EBADF, errno.ENOLCK, errno.ENOTSUP):
                raise
        yield
    finally:
        os.close(handle)


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success rename it to `path`, on any error remove it.

    What a killed process has left is removed by the next one that writes in the folder. The temporary name keeps the
    suffix, because some writers choose the format by it. Raises RadioMLError naming `path` when writing failed for want
    of space.
    """
    path = Path(path)
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = stack.enter_context(temporary_file(path))
        except OSError as error:
            if error.errno in _NO_SPACE:
                raise _no_space(path) from error
            raise
        try:
            yield temporary
            temporary.replace(path)
        except (OSError, RuntimeError) as error:
            if _is_out_of_space(error, temporary):
                raise _no_space(path) from error
            raise


def _no_space(path: Path) -> RadioMLError:
    return RadioMLError(f"{path}: not written: the disk is full, or a quota or the limit of a file's size is reached")


def _is_out_of_space(error: OSError | RuntimeError, temporary: Path) -> bool:
    """Whether the disk is full. HDF5 and torch report that without an errno, so another write is tried."""
    if getattr(error, "errno", None) in _NO_SPACE:
        return True
    try:
        with temporary.open("ab") as stream:
            stream.write(bytes(1 << 20))
    except OSError as refusal:
        return refusal.errno in _NO_SPACE
    return False


def refuse_inputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise RadioMLError when a file to write is one that is read: it would be lost."""
    read = list(inputs)
    for path in outputs:
        if path.exists() and any(source.exists() and path.samefile(source) for source in read):
            raise RadioMLError(f"{path}: the output would overwrite an input of the command; choose another output")


def write_text(path: Path | str, text: str) -> None:
    """Write a text file in one step."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as indented JSON in one step."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def sha256(path: Path | str, progress: Callable[[int], object] = lambda done: None) -> str:
    """The SHA-256 of a file's content, in hexadecimal; `progress` is called with the number of bytes done."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 23):
            digest.update(block)
            progress(stream.tell())
    return digest.hexdigest()
