"""A source of frames, and the cutting of samples into frames."""

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

    A block without frames says that the next frames are not at hand, and that the frames so far should not wait.

    iq: float32, or the network's own integers as int8, (n, 1024, 2).
    tags: name -> array of n values: `sample`, where a frame of a recording begins, and `level`, the frame's standard
        deviation before it was normalised.
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

    name: for messages and results.
    blocks: the frames.
    recording: whether the frames were cut from a recording's samples.
    sample_rate: in Hz, None where it is unknown.
    captures: the first sample of each capture and its centre frequency in Hz, None where the frequency is unknown.
    frames: number of frames, None for a live source.
    left_over: samples, or bytes of a sample, that fill no frame; known once the source has ended.
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
    """Contiguous samples, float32 (m, 2).

    start: position of the first sample in the recording.
    fresh: whether there is a gap in front of the samples, which no frame may span.
    """

    samples: np.ndarray
    start: int
    fresh: bool = False


def frames_in(samples: int, overlap: int) -> int:
    """Number of frames in `samples` contiguous samples."""
    return max((samples - FRAME_LENGTH) // (FRAME_LENGTH - overlap) + 1, 0)


class Framer:
    """Cuts samples into frames that share `overlap` samples with the previous frame; counts the samples left over."""

    def __init__(self, source: Source, overlap: int, rate: float = 1.0) -> None:
        """rate: samples that come here for each sample of the recording. Tags have positions in the recording."""
        self.source, self.hop, self.rate = source, FRAME_LENGTH - overlap, rate
        self.torn = ""
        """Bytes of a sample at the end, in words."""

    def __call__(self, chunks: Iterable[Chunk]) -> Iterator[Block]:
        """The frames; raises RadioMLError where the samples end before the first frame is complete."""
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
        """Number of samples in no frame; the last of the `frames` before, if any, has the first samples of `rest`."""
        return max(len(rest) - (FRAME_LENGTH - self.hop), 0) if frames else len(rest)
