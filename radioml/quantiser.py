"""The input quantiser: the one rule that turns an IQ sample into the integer that the network was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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

    def __call__(self, iq: np.ndarray) -> np.ndarray:
        """Quantise float samples of any shape to int8; NaN raises ValueError, infinities clip."""
        scaled = np.divide(iq, np.float32(self.scale), dtype=np.float32)
        np.rint(scaled, out=scaled)
        if np.isnan(scaled).any():
            raise ValueError("the IQ samples contain NaN")
        return np.clip(scaled, self.minimum, self.maximum, out=scaled).astype(np.int8)

    def clipped(self, iq: np.ndarray) -> int:
        """How many values lie so far outside the range that they are cut off, by more than half a step."""
        low, high = (self.minimum - 0.5) * self.scale, (self.maximum + 0.5) * self.scale
        return int(((iq < low) | (iq > high)).sum())

    def dequantise(self, integers: np.ndarray) -> np.ndarray:
        """The float32 value that each integer stands for."""
        return integers.astype(np.float32) * np.float32(self.scale)
