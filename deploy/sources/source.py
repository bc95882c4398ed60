"""A source of frames, and how samples that follow each other become frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from radioml.constants import FRAME_LENGTH
from radioml.errors import RadioMLError

BLOCK_FRAMES = 256
"""Frames read at a time."""


@dataclass(frozen=True)
class Block:
    """Frames, and what is known of each.

    iq: float32, or the network's own integers as int8, (n, 1024, 2). tags: arrays of n values by their names: `sample`,
    where a frame of a recording begins, and `level`, its standard deviation before it was normalised. A block without
    frames says that the next ones are not at hand: those so far should not wait for them.
    """

    iq: np.ndarray
    tags: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.iq)

    def __getitem__(self, part: slice) -> Block:
        """Some of the frames."""
        return Block(self.iq[part], {name: values[part] for name, values in self.tags.items()})


WAITING = Block(np.empty((0, FRAME_LENGTH, 2), np.float32))


def joined(blocks: Sequence[Block]) -> Block:
    """Blocks one after the other."""
    if len(blocks) == 1:
        return blocks[0]
    tags = {name: np.concatenate([block.tags[name] for block in blocks]) for name in blocks[0].tags}
    return Block(np.concatenate([block.iq for block in blocks]), tags)


@dataclass
class Source:
    """Frames without labels, to be iterated once.

    name: for messages and results. blocks: the frames. recording: whether frames were cut from samples that follow each
    other. sample_rate: in Hz, where it is known. captures: the first sample of each capture and its centre frequency in
    Hz, None where that is not known; empty where there are no captures. frames: their number, None where only the end
    will tell. left_over: samples, or bytes of a sample, that fill no frame; known once the source has ended.
    """

    name: str
    blocks: Iterator[Block]
    recording: bool
    sample_rate: float | None = None
    captures: tuple[tuple[int, float | None], ...] = ()
    frames: int | None = None
    left_over: str = ""


@dataclass(frozen=True)
class Chunk:
    """Samples that follow each other: float32 (m, 2), and the position of the first in the recording.

    fresh: whether they do not follow the ones before: no frame has samples of both.
    """

    samples: np.ndarray
    start: int
    fresh: bool = False


def frames_in(samples: int, overlap: int) -> int:
    """How many frames so many samples give."""
    return max((samples - FRAME_LENGTH) // (FRAME_LENGTH - overlap) + 1, 0)


class Framer:
    """Cuts samples into frames, each `overlap` samples into the one before; counts what fills none."""

    def __init__(self, source: Source, overlap: int, rate: float = 1.0) -> None:
        """rate: samples that come here for each one of the recording; its positions are what tags say."""
        self.source, self.hop, self.rate = source, FRAME_LENGTH - overlap, rate
        self.torn = ""
        """Bytes of a sample at the end, in words."""

    def __call__(self, chunks: Iterable[Chunk]) -> Iterator[Block]:
        """The frames; raises RadioMLError where samples end before there is one."""
        rest, start = np.empty((0, 2), np.float32), 0.0
        frames = here = left = 0  # here: frames since samples last began afresh
        for chunk in chunks:
            if chunk.fresh:
                left += self._tail(rest, here)
                rest, here = rest[:0], 0
            if not len(chunk.samples):
                yield WAITING
                continue
            if not len(rest):
                start = float(chunk.start)
            rest = np.concatenate([rest, chunk.samples])
            if len(rest) < FRAME_LENGTH:
                continue
            windows = np.lib.stride_tricks.sliding_window_view(rest, FRAME_LENGTH, 0)[:: self.hop].transpose(0, 2, 1)
            first = np.rint(start + np.arange(len(windows)) * self.hop / self.rate).astype(np.int64)
            yield Block(np.ascontiguousarray(windows), {"sample": first})
            frames, here = frames + len(windows), here + len(windows)
            rest = rest[len(windows) * self.hop :]
            start += len(windows) * self.hop / self.rate
        if not frames:
            raise RadioMLError(
                f"{self.source.name}: ended after {left + len(rest)} samples; a frame has {FRAME_LENGTH}"
            )
        left += self._tail(rest, here)
        parts = (self.torn, f"{left} samples" if left else "")
        self.source.left_over = " and ".join(part for part in parts if part)

    def _tail(self, rest: np.ndarray, frames: int) -> int:
        """Samples at an end that no frame has; the last frame has the first of them where frames overlap."""
        return max(len(rest) - (FRAME_LENGTH - self.hop), 0) if frames else len(rest)
