"""The input quantiser: the one rule that turns an IQ sample into the integer that the network was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_SAMPLES_AT_ONCE = 1 << 16  # whose intermediate results fit a core's cache
_ROUNDING = np.float32(1.5 * 2**23)  # floats within 2^22 around it are 1 apart
_INFINITY = 0x7F80_0000  # bits of float32's infinity; as unsigned numbers, those of NaN and of negatives are larger


@dataclass(frozen=True)
class Quantised:
    """Frames as the network takes them.

    integers: int8 (N, 1024, 2), all 0 where a frame is not usable. usable: bool (N,), as `usable` says. clipped: values
    of usable frames whose nearest integer lies outside the range, so that they were cut off.
    """

    integers: np.ndarray
    usable: np.ndarray
    clipped: int


def usable(iq: np.ndarray) -> np.ndarray:
    """Which frames (N, 1024, 2) can be trained on and classified, because all samples are finite; bool (N,)."""
    return np.isfinite(iq).all((1, 2))


@dataclass(frozen=True)
class InputQuantiser:
    """Signed uniform quantiser with zero point 0: integer = clip(round(x / scale)), ties to even.

    bits: width of the integer, 2 to 8.
    scale: value of one step; the challenge's range [-2, 2] at 8 bits is 1/64.
    """

    bits: int
    scale: float

    def __post_init__(self) -> None:
        """Refuse widths that do not fit a byte and scales that are not positive numbers."""
        if not isinstance(self.bits, (int, np.integer)) or not 2 <= self.bits <= 8:
            raise ValueError(f"input quantiser: {self.bits!r} bits; 2 to 8 are supported")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"input quantiser: scale {self.scale} is not a positive number")

    @property
    def minimum(self) -> int:
        """Smallest integer."""
        return -(1 << (self.bits - 1))

    @property
    def maximum(self) -> int:
        """Largest integer."""
        return (1 << (self.bits - 1)) - 1

    def __call__(self, iq: np.ndarray) -> np.ndarray:
        """Quantise float samples of any shape to int8; NaN raises ValueError, infinities clip."""
        iq = np.asarray(iq)
        integers, _, finite = self._quantise(iq)
        if not finite and np.isnan(iq).any():
            raise ValueError("the IQ samples contain NaN")
        return integers

    def frames(self, iq: np.ndarray) -> Quantised:
        """Quantise frames, float (N, 1024, 2), of which some may be unusable; never raises for what samples hold."""
        integers, clipped, finite = self._quantise(iq)
        if finite or (fit := usable(iq)).all():
            return Quantised(integers, np.ones(len(iq), bool), clipped)
        integers, clipped, _ = self._quantise(np.where(fit[:, None, None], iq, np.float32(0)))
        return Quantised(integers, fit, clipped)

    def _quantise(self, iq: np.ndarray) -> tuple[np.ndarray, int, bool]:
        """Integers of samples of any shape, how many were clipped, and whether all samples are finite for certain."""
        integers = np.empty(iq.shape, np.int8)
        source, target = iq.reshape(-1), integers.reshape(-1)
        size = min(source.size, _SAMPLES_AT_ONCE)
        scratch, differ = np.empty(size, np.float32), np.empty(size, bool)
        steps, within = np.empty((2, size), np.int16)
        clipped, finite = 0, True
        for start in range(0, source.size, _SAMPLES_AT_ONCE):
            part = source[start : start + _SAMPLES_AT_ONCE]
            used = slice(part.size)
            zero = self._round(part, scratch[used])
            bits = scratch[used].view(np.int32)  # ordered as the floats are, all negative floats below the positive
            highest, lowest = (int(extreme.reduce(bits.view(np.uint32))) for extreme in (np.maximum, np.minimum))
            finite &= highest < _INFINITY
            if not zero - 2**15 <= lowest <= highest < zero + 2**15:
                np.clip(bits, zero - 2**15, zero + 2**15 - 1, out=bits)
            np.copyto(steps[used], bits, casting="unsafe")  # the low 16 bits, which are 0 in `zero`
            np.clip(steps[used], self.minimum, self.maximum, out=within[used])
            np.not_equal(steps[used], within[used], out=differ[used])
            clipped += int(np.count_nonzero(differ[used]))
            np.copyto(target[start : start + part.size], within[used], casting="unsafe")
        return integers, clipped, finite

    def _round(self, samples: np.ndarray, scratch: np.ndarray) -> int:
        """Write floats whose bits, less the returned number, are the integers before clipping.

        Adding a large number rounds a float to the last bit of that number, ties to even.
        """
        step = np.float32(self.scale)
        if _is_power_of_two(step):  # then the anchor's last bit is one step
            anchor = _ROUNDING * step
            np.add(samples, anchor, out=scratch, dtype=np.float32)
        else:
            anchor = _ROUNDING
            np.divide(samples, step, out=scratch, dtype=np.float32)
            scratch += anchor
        return int(anchor.view(np.int32))

    def dequantise(self, integers: np.ndarray) -> np.ndarray:
        """The float32 value that each integer stands for."""
        return np.multiply(integers, np.float32(self.scale), dtype=np.float32)


def _is_power_of_two(step: np.float32) -> bool:
    """Whether the step is a power of two, far from the ends of float32's range."""
    return math.frexp(step)[0] == 0.5 and 2.0**-64 <= float(step) <= 2.0**64
