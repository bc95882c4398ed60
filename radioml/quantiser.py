"""The input quantiser: the one rule that turns an IQ sample into the integer that the network was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_SAMPLES_AT_ONCE = 1 << 17  # of which the intermediate results stay in a core's cache
_ROUNDING = np.float32(1.5 * 2**23)  # the last bit of floats within 2^22 around it is 1


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
        if not 2 <= self.bits <= 8:
            raise ValueError(f"input quantiser: {self.bits} bits; 2 to 8 are supported")
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

    def __call__(self, iq: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Quantise float samples of any shape to int8; NaN raises ValueError, infinities clip.

        out: contiguous int8 array of the same shape to write to, a DMA buffer for example; ValueError for another.
        """
        iq = np.asarray(iq)
        integers = np.empty(iq.shape, np.int8) if out is None else out
        if integers.shape != iq.shape or integers.dtype != np.int8 or not integers.flags.c_contiguous:
            raise ValueError(f"quantised samples {iq.shape} do not fit {integers.dtype} {integers.shape}")
        source, target = iq.reshape(-1), integers.reshape(-1)
        scratch = np.empty(min(source.size, _SAMPLES_AT_ONCE), np.float32)
        for start in range(0, source.size, _SAMPLES_AT_ONCE):
            part = source[start : start + _SAMPLES_AT_ONCE]
            self._quantise(part, scratch[: part.size], target[start : start + part.size])
        return integers

    def _quantise(self, samples: np.ndarray, scratch: np.ndarray, integers: np.ndarray) -> None:
        """A float's last bits are steps of its power of two: adding a large number rounds to them, ties to even."""
        step = np.float32(self.scale)
        if _is_power_of_two(step):  # its steps are ours
            anchor = _ROUNDING * step
            np.add(samples, anchor, out=scratch, dtype=np.float32)
        else:
            anchor = _ROUNDING
            np.divide(samples, step, out=scratch, dtype=np.float32)
            scratch += anchor
        if np.isnan(np.maximum.reduce(scratch)):
            raise ValueError("the IQ samples contain NaN")
        bits = scratch.view(np.int32)  # ordered as the floats are, all negative floats below the positive ones
        zero = int(anchor.view(np.int32))
        np.clip(bits, zero + self.minimum, zero + self.maximum, out=bits)
        np.copyto(integers, bits, casting="unsafe")  # keeps the last byte, of which zero's is 0

    def clipped(self, iq: np.ndarray) -> int:
        """How many values lie so far outside the range that they are cut off, by more than half a step."""
        low, high = (self.minimum - 0.5) * self.scale, (self.maximum + 0.5) * self.scale
        return int(np.count_nonzero(iq < low) + np.count_nonzero(iq > high))

    def dequantise(self, integers: np.ndarray) -> np.ndarray:
        """The float32 value that each integer stands for."""
        return np.multiply(integers, np.float32(self.scale), dtype=np.float32)


def _is_power_of_two(step: np.float32) -> bool:
    """Is it one, and far from the ends of float32's range?"""
    return math.frexp(step)[0] == 0.5 and 2.0**-64 <= step <= 2.0**64
