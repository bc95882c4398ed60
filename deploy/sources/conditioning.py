"""The conditioning of samples and frames in front of the network, the same for every source.

RadioML has 8 samples a symbol, a carrier near 0 Hz and frames that were divided by their standard deviation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from deploy.sources.source import Block, Chunk
from radioml.data.levels import deviations
from radioml.errors import RadioMLError

SAMPLES_PER_SYMBOL = 8
_DC_FRAMES = 64
"""Frames whose mean is taken for a receiver's DC offset. A constant of the signal itself turns with the carrier from
frame to frame, and averages out over these frames."""
_FARTHEST = 1000
"""Largest ratio of two sample rates."""
_LOBES = 24
"""Zeros of the interpolating sinc on each side, at the lower of the two rates."""
_BETA, _PASSED = 8.0, 0.92
"""The sinc's Kaiser window, and the filter's cutoff (half amplitude) as a part of the lower rate's band.

0.8 of the band passes. Images and aliases from 1.03 on are 80 dB down."""
_PHASES = 512
"""Phases in the filter's table. Interpolation between them has an error of -100 dB."""
_TAPS_AT_ONCE = 1 << 21


def normalised(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames float32 (N, 1024, 2) divided by the standard deviation of their complex samples, as RadioML's were.

    Returns the frames, and the deviations, float64 (N,). A frame without any signal stays as it is. Raises RadioMLError
    for int8 frames, which are the network's own integers.
    """
    if frames.dtype == np.int8:
        raise RadioMLError("int8 frames are the network's own integers; they cannot be normalised")
    with np.errstate(invalid="ignore", over="ignore"):
        # Scaled first, so that the square of no float32 overflows or vanishes.
        peak = np.abs(frames).max((1, 2), keepdims=True)
        scaled = frames / np.where(peak > 0, peak, 1)
        centred = scaled - scaled.mean(1, keepdims=True)
        deviation = np.sqrt(np.einsum("nij,nij->n", centred, centred) / frames.shape[1])[:, None, None]
        result = scaled / np.where(deviation > 0, deviation, 1)
    return np.where(deviation > 0, result, frames), (deviation * peak.astype(np.float64)).reshape(-1)


def conditioned(blocks: Iterable[Block], normalise: bool, dc_block: bool) -> Iterator[Block]:
    """Frames without a receiver's DC offset, and normalised, where asked for. The tag `level` is added."""
    remove = _DcBlock()
    for block in blocks:
        iq = block.iq
        if not len(iq):
            yield block
            continue
        if dc_block:
            iq = remove(iq)
        if normalise:
            iq, level = normalised(iq)
        else:
            level = np.full(len(iq), np.nan) if iq.dtype == np.int8 else deviations(iq)
        yield Block(iq, {**block.tags, "level": level})


class _DcBlock:
    """Subtracts the mean of a frame and the 63 before it."""

    def __init__(self) -> None:
        self._means = np.empty((0, 2))

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        if frames.dtype == np.int8:
            raise RadioMLError("int8 frames are the network's own integers; they keep their DC offset")
        means = frames.mean(1, dtype=np.float64)
        means = np.where(np.isfinite(means).all(1, keepdims=True), means, 0)
        known = len(self._means)
        every = np.concatenate([self._means, means])
        sums = np.concatenate([np.zeros((1, 2)), np.cumsum(every, 0)])
        last = np.arange(known + 1, len(every) + 1)
        first = np.maximum(last - _DC_FRAMES, 0)
        offset = (sums[last] - sums[first]) / (last - first)[:, None]
        self._means = every[-(_DC_FRAMES - 1) :]
        return (frames - offset[:, None]).astype(np.float32)


def shifted(chunks: Iterable[Chunk], offset_hz: float, sample_rate: float) -> Iterator[Chunk]:
    """Samples shifted in frequency, so that a signal `offset_hz` above the centre is at the centre."""
    for chunk in chunks:
        turns = offset_hz / sample_rate * (chunk.start + np.arange(len(chunk.samples)))
        carrier = np.exp(-2j * np.pi * (turns % 1)).astype(np.complex64)
        samples = np.ascontiguousarray(chunk.samples).view(np.complex64) * carrier[:, None]
        yield Chunk(samples.view(np.float32), chunk.start, chunk.fresh)


class Resampler:
    """Changes the sample rate to 8 samples a symbol with a windowed sinc; no delay.

    ratio: output samples for each input sample.
    """

    def __init__(self, sample_rate: float, symbol_rate: float) -> None:
        """Rates in 1/s; raises RadioMLError where they are too far apart."""
        self.ratio = SAMPLES_PER_SYMBOL * symbol_rate / sample_rate
        if not 1 / _FARTHEST <= self.ratio <= _FARTHEST:
            raise RadioMLError(
                f"{symbol_rate:g} symbols/s at {sample_rate:g} samples/s are {sample_rate / symbol_rate:.4g} samples a "
                f"symbol, which cannot be resampled to {SAMPLES_PER_SYMBOL}"
            )
        lower = min(1.0, self.ratio)
        self._half = int(np.ceil(_LOBES / lower))
        """Input samples on each side that an output sample depends on."""
        phase = np.arange(_PHASES + 1)[:, None] / _PHASES
        distance = phase - np.arange(1 - self._half, self._half + 1)  # of the output from each of its input samples
        window = np.i0(_BETA * np.sqrt(np.maximum(1 - np.square(distance / self._half), 0)))
        bank = np.sinc(_PASSED * lower * distance) * window
        self._bank = (bank / bank.sum(1, keepdims=True)).astype(np.float32)

    def length(self, samples: int) -> int:
        """Number of output samples of `samples` contiguous input samples."""
        return int((samples - 1) * self.ratio) + 1 if samples else 0

    def __call__(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """The samples at the new rate; positions stay those of the recording."""
        run = None
        for chunk in chunks:
            if run is None or chunk.fresh:
                if run is not None:
                    yield from run.end()
                run = _Run(self, chunk.start)
            yield from run(chunk.samples) if len(chunk.samples) else (chunk,)
        if run is not None:
            yield from run.end()

    def at(self, samples: np.ndarray, first: int, wanted: range) -> np.ndarray:
        """Output samples of the numbers `wanted`; `samples` begin at input sample `first`."""
        place = np.arange(wanted.start, wanted.stop) / self.ratio
        index = np.floor(place).astype(np.int64)
        fine = (place - index) * _PHASES
        phase = np.minimum(fine.astype(np.int64), _PHASES - 1)
        between = (fine - phase).astype(np.float32)[:, None]
        weights = self._bank[phase] * (1 - between) + self._bank[phase + 1] * between
        windows = np.lib.stride_tricks.sliding_window_view(samples, 2 * self._half, 0)
        return np.einsum("mck,mk->mc", windows[index - self._half + 1 - first], weights)


class _Run:
    """A run of contiguous samples on its way through a resampler."""

    def __init__(self, resampler: Resampler, start: int) -> None:
        self.resampler, self.start, self.half = resampler, start, resampler._half
        self.waiting = np.zeros((self.half, 2), np.float32)
        self.first, self.seen, self.done = -self.half, 0, 0
        """Input sample that `waiting` begins at; input samples seen; output samples given."""

    def __call__(self, samples: np.ndarray) -> Iterator[Chunk]:
        self.seen += len(samples)
        return self._give(samples, int(np.ceil((self.seen - self.half) * self.resampler.ratio)))

    def end(self) -> Iterator[Chunk]:
        """The output samples that depend on samples behind the last input sample; those count as zero."""
        return self._give(np.zeros((self.half, 2), np.float32), self.resampler.length(self.seen))

    def _give(self, samples: np.ndarray, ready: int) -> Iterator[Chunk]:
        self.waiting = np.concatenate([self.waiting, samples])
        step = max(_TAPS_AT_ONCE // (2 * self.half), 1)
        while self.done < ready:
            wanted = range(self.done, min(self.done + step, ready))
            found = self.resampler.at(self.waiting, self.first, wanted)
            yield Chunk(found, self.start + round(wanted.start / self.resampler.ratio), wanted.start == 0)
            self.done = wanted.stop
            needed = int(self.done / self.resampler.ratio) - self.half + 1
            if (unneeded := min(needed - self.first, len(self.waiting))) > 0:
                self.waiting, self.first = self.waiting[unneeded:], self.first + unneeded
