"""The SHA-256 of a data file, computed once: where it is remembered, and how long it is trusted.

The caches of a data file lie in a folder `NAME.cache`. The first place is beside the data: every reader of the disk
finds the folder there, and it is deleted with the data. On a read-only disk, the folder lies beside the symbolic link
to the file, or else in ~/.cache/radioml (XDG_CACHE_HOME is respected). The environment variable RADIOML_CACHE overrules
these places, for a home with a small quota.

A stored SHA-256 is valid while size, modification time and change time stay the same. The change time makes this safe:
the kernel sets it at every write, and programs cannot turn it back, as they can the modification time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from radioml.errors import RadioMLError
from radioml.files import chosen_cache, home_cache, sha256, write_json
from radioml.reading.text import read_json

Progress = Callable[[str, int, int], object]
"""Called with what is being done, how much of it is done, and of how much."""
_SOURCE = "source.json"


def silent(what: str, done: int, total: int) -> None:
    """Progress that is shown nowhere."""


def source_sha256(path: Path, progress: Progress = silent) -> str:
    """The SHA-256 of a data file, in hexadecimal; computed when the file has changed since it was last asked for."""
    if known := known_sha256(path):
        return known
    status = path.stat()
    digest = sha256(path, lambda done: progress(f"SHA-256 of {path.name}", done, status.st_size))
    with suppress(OSError):  # where nothing can be remembered, the next run computes it again
        write_json(writable_folder(path) / _SOURCE, {**_stamp(status), "sha256": digest})
    return digest


def known_sha256(path: Path) -> str | None:
    """The SHA-256 of a data file that was computed earlier; None where it is not known or the file has changed."""
    stamp = _stamp(path.stat())
    for folder in cache_folders(path):
        known = json_record(folder / _SOURCE)
        if "sha256" in known and {key: known.get(key) for key in stamp} == stamp:
            return known["sha256"]
    return None


def _stamp(status: os.stat_result) -> dict[str, int]:
    return {"bytes": status.st_size, "modified_ns": status.st_mtime_ns, "changed_ns": status.st_ctime_ns}


def cache_folders(path: Path) -> list[Path]:
    """Where caches of this file may lie, in the order in which they are looked for."""
    real = path.resolve()
    # Several files may have one name: only beside the file itself is the name enough.
    distinct = f"{real.name}-{hashlib.sha256(os.fsencode(real)).hexdigest()[:12]}.cache"
    if chosen := chosen_cache():
        return [chosen / distinct]
    beside_link = path.absolute().with_name(f"{path.name}.cache")
    return [real.with_name(f"{real.name}.cache"), beside_link, home_cache() / distinct]


def writable_folder(path: Path) -> Path:
    """The first of `cache_folders` that can be written to, or made; the last one where none can."""
    folders = cache_folders(path)
    for folder in folders:
        existing = next(place for place in (folder, *folder.parents) if os.access(place, os.F_OK))
        if os.access(existing, os.W_OK):
            return folder
    return folders[-1]


def json_record(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none that can be read."""
    try:
        value = read_json(path)
    except (RadioMLError, OSError):
        return {}
    return value if isinstance(value, dict) else {}
