"""The signals of a frame that statistics are made of, each computed when the first statistic asks for it.

All are integers times a power of two. I and Q of a complex signal are two tensors (N, 1, symbols, phases).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from itertools import pairwise

import torch

from radioml.constants import FRAME_LENGTH
from training.models.symbol_statistics.operations import (
    binomial,
    boxes,
    channel,
    every_other_phase,
    limited,
    mean,
    requantised,
    square,
)  # fmt: skip

Complex = tuple[torch.Tensor, torch.Tensor]

PHASES, SYMBOLS = 8, FRAME_LENGTH // 8
INPUT_STEP = 1 / 64
AMPLITUDES = (
    0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.3, 2.6,
)  # fmt: skip
"""Grid of the soft histogram; a frame's root mean square is 1."""
_EQUALISER = (1.5, -2.625, 4.0, -2.0)
"""Weights of the signal filtered by (1, 2, 1) / 4 no times, once, twice and thrice: taps (34, -4, 2, -1) / 32 at 0, 1,
2, 3 symbols to both sides. They take away what neighbouring symbols leave in a sample behind the two boxes."""
TONES = {  # patterns of blocks of 4 samples, of I and of Q; the real part is the sum of both
    "0": ((1, 1, 1, 1), (0, 0, 0, 0)),
    "+": ((1, 0, -1, 0), (0, 1, 0, -1)),
    "/": ((1, -1, 1, -1), (0, 0, 0, 0)),
    "-": ((1, 0, -1, 0), (0, -1, 0, 1)),
}


def magnitude(z: Complex) -> torch.Tensor:
    """I^2 + Q^2."""
    return square(z[0]) + square(z[1])


def rounded_means(z: Complex, average: Callable[[torch.Tensor], torch.Tensor], unit: float) -> Complex:
    """Means, multiples of `unit`, of integers of 8 bits, in quarters of such an integer: 10 bits."""
    real, imaginary = (requantised(average(part), unit, 0.25, 10, signed=True) for part in z)
    return real, imaginary


def squared(z: Complex) -> Complex:
    """z^2 = (2 I^2 - p, (I + Q)^2 - p) of integers of 8 bits in steps of 1/64; the same for the result.

    p = I^2 + Q^2. The three squares have 8 bits each, up to 4.
    """
    i, q = z
    p, a, b = (
        requantised(x, 1, 64, 8, signed=False) for x in (magnitude(z), (2 * i) * i, square(i + q))
    )  # fmt: skip
    return limited(a - p, 8, signed=True), limited(b - p, 8, signed=True)


class Signals:
    """Signals of frames.

    iq: quantised samples, float32 (N, 2, 1024), integers of 8 bits in steps of 1/64.
    """

    def __init__(self, iq: torch.Tensor) -> None:
        self._samples = (iq * (1 / INPUT_STEP)).reshape(-1, 2, 1, FRAME_LENGTH)
        self.power_of = cache(self._power_of)
        self.ramp = cache(self._ramp)
        self.tone = cache(self._tone)

    @cached_property
    def filtered(self) -> torch.Tensor:
        """I and Q (N, 2, 128, 8) behind two boxes and the equaliser: 8 bits, steps of 1/64."""
        x = requantised(boxes(self._samples), 1 / 16, 1, 8, signed=True).reshape(-1, 2, SYMBOLS, PHASES)
        total = x * _EQUALISER[0]
        for weight in _EQUALISER[1:]:
            x = binomial(x)
            total = total + x * weight
        return requantised(total, 1 / 32, 1, 8, signed=True)

    @cached_property
    def symbols(self) -> Complex:
        """The filtered signal, (N, 1, 128, 8)."""
        return channel(self.filtered, 0), channel(self.filtered, 1)

    @cached_property
    def power(self) -> torch.Tensor:
        """|z|^2 of the filtered signal (N, 1, 128, 8): 11 bits, steps of 1/256."""
        return requantised(magnitude(self.symbols), 1, 16, 11, signed=False)

    @cached_property
    def power_squared(self) -> torch.Tensor:
        """|z|^4 of the filtered signal: 8 bits, steps of 1/8."""
        return requantised(square(self.power), 1, 8192, 8, signed=False)

    def _ramp(self, index: int) -> torch.Tensor:
        """Means over the symbols of a ramp of the power, (N, 1, 1, 8), from 0 at an amplitude to 255 near the next."""
        begin, slope = RAMPS[index]
        return mean(((self.power - begin) * slope).clamp(0, 255), SYMBOLS)

    def _power_of(self, exponent: int) -> Complex:
        """z^exponent of every other phase, (N, 1, 128, 4): 8 bits, steps of 1/64; exponent is a power of two."""
        if exponent == 1:
            i, q = self.symbols
            return every_other_phase(i), every_other_phase(q)
        return squared(self.power_of(exponent // 2))

    @cached_property
    def raw(self) -> Complex:
        """The samples as they came, (N, 1, 1, 1024): 8 bits, steps of 1/64."""
        return channel(self._samples, 0), channel(self._samples, 1)

    @cached_property
    def raw_power(self) -> torch.Tensor:
        """|z|^2 of the samples, (N, 1, 1, 1024): 10 bits, steps of 1/128."""
        return requantised(magnitude(self.raw), 1, 32, 10, signed=False)

    @cached_property
    def decimated(self) -> Complex:
        """Means of 8 samples, (N, 1, 32, 4): 8 bits, steps of 1/64."""
        i, q = self.raw
        return _eighths(i), _eighths(q)

    @cached_property
    def decimated_squared(self) -> Complex:
        """The square of the decimated signal."""
        return squared(self.decimated)

    def _tone(self, of_square: bool, name: str) -> Complex:
        """One frequency of 4-point transforms of the decimated signal or its square, (N, 1, 32, 1): 8 bits."""
        i, q = self.decimated_squared if of_square else self.decimated
        of_i, of_q = (torch.tensor(pattern, dtype=i.dtype).reshape(1, 1, 1, 4) for pattern in TONES[name])
        parts = (i * of_i + q * of_q, q * of_i - i * of_q) if of_q.any() else (i * of_i, q * of_i)
        real, imaginary = (requantised(mean(part, 1, 4), 1 / 4, 1, 8, signed=True) for part in parts)
        return real, imaginary


def _eighths(x: torch.Tensor) -> torch.Tensor:
    return requantised(mean(x.reshape(-1, 1, SYMBOLS, PHASES), 1, 8), 1 / 8, 1, 8, signed=True).reshape(-1, 1, 32, 4)


def _ramps() -> list[tuple[int, float]]:
    """First power and slope of each ramp: 4, 5, 6 or 7 times a power of two."""
    knots = [round(amplitude**2 * 256) for amplitude in AMPLITUDES]
    slopes = [m * 2.0**e for m in (4, 5, 6, 7) for e in range(-8, 4)]
    return [(begin, min(slopes, key=lambda slope: abs(slope * (end - begin) - 256))) for begin, end in pairwise(knots)]


RAMPS = _ramps()
