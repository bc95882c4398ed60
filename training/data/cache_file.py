"""Files of numbers that can be computed again: written by one process, checked at every start, mapped into memory.

Beside `NAME` lies `NAME` with the suffix `.json`: from what the file was made, and the CRC-32 of its bytes. A CRC finds
accidents, not forgeries: whoever can write to the folder can also replace the data set.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike

from radioml.data.source_digest import Progress, json_record

_BYTES_AT_ONCE = 1 << 23


def intact(target: Path, made_from: dict[str, Any], progress: Progress) -> bool:
    """Whether `target` is complete, undamaged and made from just this; one pass over the file at about 2 GB/s."""
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


def mapped(target: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> np.ndarray:
    """The file as a read-only array whose rows are drawn at random."""
    with target.open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    # Where memory is short, reading ahead was measured to fetch 60 KB a row instead of 4 KB.
    pages.madvise(mmap.MADV_RANDOM)
    return np.frombuffer(pages, dtype).reshape(shape)


@contextmanager
def exclusive(path: Path) -> Iterator[BinaryIO]:
    """A file opened for writing and locked; waits for other processes. The lock ends with the process."""
    while True:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                still_there = os.path.samestat(os.fstat(file.fileno()), path.stat())
            except FileNotFoundError:
                still_there = False
            if still_there:  # else the process before renamed or removed the file
                yield file
                return
