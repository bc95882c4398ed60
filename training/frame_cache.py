"""A RadioML file as the network's input integers: converted once, then mapped into memory by every run.

The cache is a folder `NAME.cache`: `source.json` remembers the file's SHA-256; `8bit-0.015625.int8` holds all frames as
int8 (N, 1024, 2), 2 KiB a frame (5.2 GB for the full set), and a `.json` of the same name what they are made from. It
is exact: the input quantiser maps every value of its own grid to itself.

It lies beside the data, where it is found by everyone who reads the same disk, goes when the data goes, and is looked
for first. Where nothing can be written there (a shared read-only disk), it lies beside the symbolic link by which the
file is reached, or else in ~/.cache/radioml (XDG_CACHE_HOME is respected). The environment variable RADIOML_CACHE
names another folder and overrules all of these, for a home with a small quota.

Trust in the source: a file of the same size, modification and change time has the SHA-256 that was computed once. The
change time is what makes this safe: the kernel sets it at every write and programs cannot turn it back, as they can
the modification time. A copied or touched file is hashed again, and converted again only if its content differs.

Trust in the cache: its CRC-32 is compared at every start, which is one pass at about 2 GB/s (2.4 s for the full set) or
at the speed of the disk, and brings the pages that are about to be drawn at random into memory in sequence. It finds
accidents; whoever can write to the folder can also write another data set.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from radioml.constants import FRAME_LENGTH
from radioml.contract.quantiser import InputQuantiser
from radioml.data.dataset import open_dataset, read_slice
from radioml.errors import RadioMLError
from radioml.files import CACHE_VARIABLE, chosen_cache, read_json, sha256, write_json

Progress = Callable[[str, int, int], object]
"""Called with what is being done, how much of it is done, and of how much."""

_FORMAT = 2  # counts changes of the layout or of what is accepted; other caches are converted again
_FRAMES_AT_ONCE = 4096
_BYTES_AT_ONCE = 1 << 23


def quantised_frames(path: Path, quantiser: InputQuantiser, progress: Progress) -> np.ndarray:
    """All frames of a RadioML file as a read-only map, int8 (N, 1024, 2), in the order of the file.

    Converts the file if no intact cache of it for this quantiser exists; a process that finds another one converting
    waits for it. A killed conversion leaves a `.partial` file that the next one takes over from the start. Raises
    RadioMLError for a file that is no RadioML file, is damaged or contains NaN or infinite samples, and where the cache
    cannot be written.
    """
    with open_dataset(path) as file:
        shape = (len(file["X"]), FRAME_LENGTH, 2)
    made_from = {
        "format": _FORMAT, "source_sha256": source_sha256(path, progress), "shape": list(shape),
        "bits": quantiser.bits, "scale": quantiser.scale,
    }  # fmt: skip
    name = f"{quantiser.bits}bit-{quantiser.scale!r}.int8"
    for folder in _folders(path):
        if _intact(folder / name, made_from, progress):
            return _mapped(folder / name, shape)
    target = _writable_folder(path) / name
    try:
        _convert(path, quantiser, target, made_from, progress)
    except OSError as error:
        megabytes = np.prod(shape, dtype=np.int64) / 1e6
        raise RadioMLError(
            f"{target.parent}: cannot write the cache of {path.name}: {error}; it takes {megabytes:,.0f} MB: make room "
            f"there, or let the environment variable {CACHE_VARIABLE} name another folder"
        ) from error
    return _mapped(target, shape)


def source_sha256(path: Path, progress: Progress) -> str:
    """The SHA-256 of a data file, in hexadecimal; computed when the file has changed since it was last asked for."""
    status = path.stat()
    stamp = {"bytes": status.st_size, "modified_ns": status.st_mtime_ns, "changed_ns": status.st_ctime_ns}
    for folder in _folders(path):
        known = _record(folder / "source.json")
        if "sha256" in known and {key: known.get(key) for key in stamp} == stamp:
            return known["sha256"]
    digest = sha256(path, lambda done: progress(f"SHA-256 of {path.name}", done, status.st_size))
    with suppress(OSError):  # where nothing can be remembered, the next run computes it again
        write_json(_writable_folder(path) / "source.json", {**stamp, "sha256": digest})
    return digest


def _folders(path: Path) -> list[Path]:
    """Where caches of this file may lie, in the order in which they are looked for."""
    real = path.resolve()
    # Several files may have one name: only beside the file itself is the name enough.
    distinct = f"{real.name}-{hashlib.sha256(os.fsencode(real)).hexdigest()[:12]}.cache"
    if chosen := chosen_cache():
        return [chosen / distinct]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    beside_link = path.absolute().with_name(f"{path.name}.cache")
    return [real.with_name(f"{real.name}.cache"), beside_link, home / "radioml" / distinct]


def _writable_folder(path: Path) -> Path:
    """The first of `_folders` that can be written to, or made; the last one where none can."""
    folders = _folders(path)
    for folder in folders:
        existing = next(place for place in (folder, *folder.parents) if os.access(place, os.F_OK))
        if os.access(existing, os.W_OK):
            return folder
    return folders[-1]


def _record(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none that can be read."""
    try:
        value = read_json(path)
    except (RadioMLError, OSError):
        return {}
    return value if isinstance(value, dict) else {}


def _intact(target: Path, made_from: dict[str, Any], progress: Progress) -> bool:
    """Is `target` a whole and undamaged conversion of this source by this quantiser?"""
    record = _record(target.with_suffix(".json"))
    if {key: record.get(key) for key in made_from} != made_from:
        return False
    crc, done = 0, 0
    try:
        with target.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            while block := file.read(_BYTES_AT_ONCE):
                crc = zlib.crc32(block, crc)
                done += len(block)
                progress(f"checking {target}", done, size)
    except OSError:
        return False
    return crc == record.get("crc32")


def _mapped(target: Path, shape: tuple[int, ...]) -> np.ndarray:
    with target.open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    # Rows are drawn at random: where memory is short, reading ahead was measured to fetch 60 KB a row instead of 4.
    pages.madvise(mmap.MADV_RANDOM)
    return np.frombuffer(pages, np.int8).reshape(shape)


def _convert(
    path: Path, quantiser: InputQuantiser, target: Path, made_from: dict[str, Any], progress: Progress
) -> None:
    """Write `target` and its record, unless another process does so first; raises OSError where that is impossible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with _exclusive(partial) as file:
        try:
            if _intact(target, made_from, progress):
                partial.unlink()
                return
            file.truncate(0)
            os.posix_fallocate(file.fileno(), 0, int(np.prod(made_from["shape"], dtype=np.int64)))
            crc = _write_integers(path, quantiser, file, progress)
            if source_sha256(path, progress) != made_from["source_sha256"]:
                raise RadioMLError(f"{path}: the file changed while it was read; start again when it is complete")
            # The record first: once `partial` has its final name, another process may hold a new one.
            write_json(target.with_suffix(".json"), {**made_from, "crc32": crc})
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextmanager
def _exclusive(path: Path) -> Iterator[BinaryIO]:
    """A file open for writing that no other process has open through this; waits. The lock dies with the process."""
    while True:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                still_there = os.path.samestat(os.fstat(file.fileno()), path.stat())
            except FileNotFoundError:
                still_there = False
            if still_there:  # else it was renamed or removed by the process that was waited for
                yield file
                return


def _write_integers(path: Path, quantiser: InputQuantiser, file: BinaryIO, progress: Progress) -> int:
    """Write all frames of a RadioML file as int8; returns the CRC-32 of what was written."""
    crc = 0
    with open_dataset(path) as source:
        frames = source["X"]
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            quantised = quantiser.frames(read_slice(path, frames, start, start + _FRAMES_AT_ONCE))
            if not quantised.usable.all():
                raise RadioMLError(
                    f"{path}: frame {start + int(quantised.usable.argmin())} contains NaN or infinite samples; "
                    f"`radioml data check {path}` says which others do"
                )
            file.write(quantised.integers.data)
            crc = zlib.crc32(quantised.integers.data, crc)
            progress(f"converting {path.name} to int8", start + len(quantised.usable), len(frames))
        file.flush()
    return crc
