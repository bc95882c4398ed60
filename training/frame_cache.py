"""A RadioML file as the network's input integers: converted once, then mapped into memory by every run.

The cache is a folder `NAME.cache`: `source.json` remembers the file's SHA-256; `8bit-0.015625.int8` holds all frames as
int8 (N, 1024, 2), 2 KiB a frame (5.2 GB for the full set), and a `.json` of the same name what they are made from. It
is exact: the input quantiser maps every value of its own grid to itself.

Where the folder lies, and when the file's SHA-256 is trusted, is said in `radioml.data.source_digest`. A copied or
touched file is hashed again, and converted again only if its content differs.

Trust in the cache: its CRC-32 is compared at every start, which is one pass at about 2 GB/s (2.4 s for the full set) or
at the speed of the disk, and brings the pages that are about to be drawn at random into memory in sequence. It finds
accidents; whoever can write to the folder can also write another data set.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from radioml.constants import FRAME_LENGTH
from radioml.contract.quantiser import InputQuantiser
from radioml.data.dataset import open_dataset, read_layout, read_slice
from radioml.data.levels import LevelWatch
from radioml.data.source_digest import Progress, cache_folders, json_record, source_sha256, writable_folder
from radioml.errors import RadioMLError
from radioml.files import CACHE_VARIABLE, write_json

_FORMAT = 2  # counts changes of the layout or of what is accepted; other caches are converted again
_FRAMES_AT_ONCE = 4096
_BYTES_AT_ONCE = 1 << 23


def quantised_frames(
    path: Path, quantiser: InputQuantiser, progress: Progress, warn: Callable[[str], object] = lambda warning: None
) -> np.ndarray:
    """All frames of a RadioML file as a read-only map, int8 (N, 1024, 2), in the order of the file.

    Converts the file if no intact cache of it for this quantiser exists; a process that finds another one converting
    waits for it. A killed conversion leaves a `.partial` file that the next one takes over from the start. `warn` gets
    a sentence for each thing that is odd about the level of the frames. Raises RadioMLError for a file that is no
    RadioML file, is damaged or contains NaN or infinite samples, and where the cache cannot be written.
    """
    shape = (read_layout(path).frames, FRAME_LENGTH, 2)
    made_from = {
        "format": _FORMAT, "source_sha256": source_sha256(path, progress), "shape": list(shape),
        "bits": quantiser.bits, "scale": quantiser.scale,
    }  # fmt: skip
    name = f"{quantiser.bits}bit-{quantiser.scale!r}.int8"
    for folder in cache_folders(path):
        if _intact(folder / name, made_from, progress):
            return _mapped(folder / name, shape, warn)
    target = writable_folder(path) / name
    try:
        _convert(path, quantiser, target, made_from, progress)
    except OSError as error:
        megabytes = np.prod(shape, dtype=np.int64) / 1e6
        raise RadioMLError(
            f"{target.parent}: cannot write the cache of {path.name}: {error}; it takes {megabytes:,.0f} MB: make room "
            f"there, or let the environment variable {CACHE_VARIABLE} name another folder"
        ) from error
    return _mapped(target, shape, warn)


def _intact(target: Path, made_from: dict[str, Any], progress: Progress) -> bool:
    """Is `target` a whole and undamaged conversion of this source by this quantiser?"""
    record = json_record(target.with_suffix(".json"))
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


def _mapped(target: Path, shape: tuple[int, ...], warn: Callable[[str], object]) -> np.ndarray:
    for warning in json_record(target.with_suffix(".json")).get("warnings", ()):
        warn(warning)
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
            levels = LevelWatch(-quantiser.minimum * quantiser.scale)
            crc = _write_integers(path, quantiser, file, levels, progress)
            if source_sha256(path, progress) != made_from["source_sha256"]:
                raise RadioMLError(f"{path}: the file changed while it was read; start again when it is complete")
            # The record first: once `partial` has its final name, another process may hold a new one.
            write_json(target.with_suffix(".json"), {**made_from, "crc32": crc, "warnings": levels.warnings()})
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


def _write_integers(
    path: Path, quantiser: InputQuantiser, file: BinaryIO, levels: LevelWatch, progress: Progress
) -> int:
    """Write all frames of a RadioML file as int8; returns the CRC-32 of what was written."""
    crc, layout = 0, read_layout(path)
    with open_dataset(path) as source:
        frames = source["X"]
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            iq = read_slice(path, frames, start, start + _FRAMES_AT_ONCE).astype(np.float32, copy=False)
            quantised = quantiser.frames(iq)
            if not quantised.usable.all():
                raise RadioMLError(
                    f"{path}: frame {start + int(quantised.usable.argmin())} contains NaN or infinite samples; "
                    f"`radioml data check {path}` says which others do"
                )
            levels.add(iq, layout.labels(np.arange(start, start + len(iq)))[0])
            file.write(quantised.integers.data)
            crc = zlib.crc32(quantised.integers.data, crc)
            progress(f"converting {path.name} to int8", start + len(quantised.usable), len(frames))
        file.flush()
    return crc
