"""Raw interleaved samples of a file or a live source."""

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
"""Seconds that frames of a live source wait for more frames of their batch."""


def is_live(name: str) -> bool:
    """Whether a source is live: the standard input, a pipe or a device."""
    return name == STDIN or not stat.S_ISREG(Path(name).stat().st_mode)


def file_chunks(path: Path, format: SampleFormat, first: int, samples: int, start: int, fresh: bool) -> Iterator[Chunk]:
    """Contiguous samples of a file.

    Args:
        path, format: of the file.
        first: byte at which the samples begin.
        samples: number of samples.
        start: position of the first sample in the recording.
        fresh: whether there is a gap in front of the samples.

    Raises RadioMLError when the file ends earlier.
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
    """Samples of a live source as they come. An empty chunk between them says: classify the frames so far.

    torn: bytes of an incomplete sample at the end; known after the last chunk.
    """

    def __init__(self, name: str, format: SampleFormat) -> None:
        self.name, self.format, self.torn = name, format, 0

    def __iter__(self) -> Iterator[Chunk]:
        """The samples; waits in short steps, so that the process can be ended meanwhile."""
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
