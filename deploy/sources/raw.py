"""Raw interleaved samples, of a file or as they come through a pipe."""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deploy.sources.formats import SampleFormat
from deploy.sources.source import BLOCK_FRAMES, Chunk
from radioml.constants import FRAME_LENGTH
from radioml.errors import RadioMLError

STDIN = "-"
_PATIENCE = 0.25
"""Seconds that frames of a live source wait for others, to be classified with them."""


def is_live(name: str) -> bool:
    """Whether samples come as they are made: through the standard input, a pipe or a device."""
    return name == STDIN or not stat.S_ISREG(Path(name).stat().st_mode)


def file_chunks(path: Path, format: SampleFormat, first: int, samples: int, start: int, fresh: bool) -> Iterator[Chunk]:
    """Samples of a file.

    first: byte at which they begin. samples: how many. start: position of the first in the recording. fresh: whether it
    does not follow the ones before.
    """
    with path.open("rb", buffering=0) as stream:
        stream.seek(first)
        done = 0
        while done < samples:
            size = min(samples - done, BLOCK_FRAMES * FRAME_LENGTH)
            data = _read(stream.fileno(), size * format.sample_bytes)
            if len(data) < size * format.sample_bytes:
                raise RadioMLError(f"{path}: became shorter while it was read")
            yield Chunk(format.samples(data), start + done, fresh and done == 0)
            done += size


def _read(handle: int, size: int) -> bytes:
    parts = []
    while size and (part := os.read(handle, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class LiveChunks:
    """Samples as they come, at once, and between them empty chunks: frames so far should not wait for more.

    torn: bytes of a sample at the end; known once it has come.
    """

    def __init__(self, name: str, format: SampleFormat) -> None:
        self.name, self.format, self.torn = name, format, 0

    def __iter__(self) -> Iterator[Chunk]:
        """The samples; waits in steps, so that a process that is to end can."""
        # Unbuffered and without a lock: a thread that waits here does not keep the interpreter from ending.
        handle = sys.stdin.fileno() if self.name == STDIN else os.open(self.name, os.O_RDONLY)
        try:
            yield from self._chunks(handle)
        finally:
            if self.name != STDIN:
                os.close(handle)

    def _chunks(self, handle: int) -> Iterator[Chunk]:
        rest, start, waited = b"", 0, time.monotonic()
        size = BLOCK_FRAMES * FRAME_LENGTH * self.format.sample_bytes
        while True:
            if not select.select([handle], [], [], _PATIENCE)[0]:
                yield Chunk(np.empty((0, 2), np.float32), start)
                waited = time.monotonic()
                continue
            if not (data := os.read(handle, size)):
                break
            data = rest + data
            whole = len(data) // self.format.sample_bytes * self.format.sample_bytes
            rest = data[whole:]
            if whole:
                yield Chunk(self.format.samples(data[:whole]), start)
                start += whole // self.format.sample_bytes
            if time.monotonic() - waited > _PATIENCE:
                yield Chunk(np.empty((0, 2), np.float32), start)
                waited = time.monotonic()
        self.torn = len(rest)
