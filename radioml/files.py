"""Writing files so that an interrupted run never leaves half of one, and telling files apart by content."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from radioml.errors import RadioMLError

CACHE_VARIABLE = "RADIOML_CACHE"
"""Environment variable that names a folder for what can be computed again: converted data, compiled simulators."""


def chosen_cache() -> Path | None:
    """The folder that `CACHE_VARIABLE` names, None where it names none."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser().resolve() if chosen else None


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success rename it to `path`, on any error remove it.

    The temporary name keeps the suffix, because some writers choose the format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".tmp{path.suffix}", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes private files
        temporary.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def write_text(path: Path | str, text: str) -> None:
    """Write a text file in one step."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as indented JSON in one step."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def read_json(path: Path | str) -> Any:
    """Read a JSON file; raises RadioMLError naming the file when it is missing or not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RadioMLError(f"{path}: no such file") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RadioMLError(f"{path}: not valid JSON: {error}") from error


def sha256(path: Path | str, progress: Callable[[int], object] = lambda done: None) -> str:
    """The SHA-256 of a file's content, in hexadecimal; `progress` is called with the number of bytes done."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 23):
            digest.update(block)
            progress(stream.tell())
    return digest.hexdigest()
