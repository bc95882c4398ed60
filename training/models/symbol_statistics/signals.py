"""The signals of a frame that statistics are made of, each computed when the first statistic asks for it.

All numbers are integers times a power of two. A complex signal has the shape (N, 2, symbols, phases), I before Q.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from itertools import pairwise
from typing import NamedTuple

import torch

from radioml.constants import FRAME_LENGTH
from training.models.symbol_statistics.operations import (
    binomial,
    block_sums,
    boxes,
    channel,
    doubled_square,
    every_other_phase,
    limited,
    mean,
    power,
    requantised,
)  # fmt: skip

PHASES, SYMBOLS = 8, FRAME_LENGTH // 8
STEP = 1 / 64
"""Step of the samples and, times the signal's scale, of every complex signal."""
POWER_STEP = 1 / 256
TAPS = (32, -4, 2, 0)
"""Taps of the equaliser in steps of 1/32, at 0, 1, 2, 3 symbols to both sides. `equaliser` fits seven taps; these are
the five that pay. They reduce the inter-symbol interference behind the two boxes."""
TONES = {  # weights of 4 samples, of I and of Q, for the real part; the imaginary part's are (-of_q, of_i)
    "0": ((1, 1, 1, 1), (0, 0, 0, 0)),
    "+": ((1, 0, -1, 0), (0, 1, 0, -1)),
    "/": ((1, -1, 1, -1), (0, 0, 0, 0)),
    "-": ((1, 0, -1, 0), (0, -1, 0, 1)),
}
AMPLITUDES = (
    0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.3, 2.6,
)  # fmt: skip
"""Grid of the soft histogram; a frame's root mean square is 1."""


class Ramp(NamedTuple):
    """A ramp of the power: 0 up to `begin`, then power - begin up to `height`; times `slope` it ends near 1.

    begin, height: multiples of 1/256. slope: 4, 5, 6 or 7 times a power of two.
    """

    begin: float
    height: float
    slope: float


def _ramps() -> list[Ramp]:
    knots = [round(amplitude**2 / POWER_STEP) * POWER_STEP for amplitude in AMPLITUDES]
    slopes = [m * 2.0**e for m in (4, 5, 6, 7) for e in range(-4, 4)]
    ramps = []
    for begin, end in pairwise(knots):
        slope = min(slopes, key=lambda slope: abs(slope * (end - begin) - 1))
        ramps.append(Ramp(begin, round(1 / slope / POWER_STEP) * POWER_STEP, slope))
    return ramps


RAMPS = _ramps()


@cache
def scale(exponent: int) -> float:
    """Factor by which the signal called z^exponent exceeds the power: 1, 2, 8, 128, 2^15 for 1, 2, 4, 8, 16."""
    return 1.0 if exponent == 1 else 2 * scale(exponent // 2) ** 2


def rounded_means(
    z: torch.Tensor, average: Callable[[torch.Tensor], torch.Tensor], parts: int, of: int
) -> torch.Tensor:
    """Means of `parts` values of a signal called z^of, rounded to quarters of its step: 10 bits."""
    step = STEP * scale(of)
    return requantised(average(z), step / parts, step / 4, 10, signed=True)


def squared(i: torch.Tensor, q: torch.Tensor, of: int) -> tuple[torch.Tensor, torch.Tensor]:
    """I and Q of z^(2 of) from I and Q of z^of: (I^2 - Q^2, (I + Q)^2 - p), p = I^2 + Q^2.

    The four squares have 8 bits, up to 4 in the scale of the result; I and Q have 8 bits, -2 to 2.
    """
    a, b, c = doubled_square(i), doubled_square(q), doubled_square(i + q)
    step, unit = STEP * scale(2 * of), 2 * (STEP * scale(of)) ** 2
    a, b, c, p = (requantised(x, unit, step, 8, signed=False) for x in (a, b, c, a + b))
    return limited(a - b, step, 8, signed=True), limited(c - p, step, 8, signed=True)


def binomial_weights(taps: Sequence[int]) -> tuple[float, ...]:
    """Weights of the signal filtered by (1, 2, 1) / 4 no times, once, twice and thrice, which together are the taps.

    Filters behind the last tap that is not 0 are left out.
    """
    d = taps[3] * 2.0
    c = taps[2] / 2 - 1.5 * d
    b = taps[1] / 8 - c - 15 / 16 * d
    weights = (taps[0] / 32 - b / 2 - 3 / 8 * c - 5 / 16 * d, b, c, d)
    return weights[: max(k for k, tap in enumerate(taps) if tap) + 1]


def boxed(samples: torch.Tensor) -> torch.Tensor:
    """Samples (N, 2, 1, 1024) behind the two boxes, 7 bits in steps of 1/32: (N, 2, 128, 8)."""
    return requantised(boxes(samples), STEP / 16, 2 * STEP, 7, signed=True).reshape(-1, 2, SYMBOLS, PHASES)


class Signals:
    """Signals of frames.

    iq: quantised samples, float32 (N, 2, 1024), integers of 8 bits in steps of 1/64. taps: of the equaliser.
    """

    def __init__(self, iq: torch.Tensor, taps: Sequence[int] = TAPS) -> None:
        self._weights = binomial_weights(taps)
        self.samples = iq.reshape(-1, 2, 1, FRAME_LENGTH)
        self.ramp = cache(self._ramp)
        self.mean_ramp = cache(self._mean_ramp)
        self.parts = cache(self._parts)
        self.power_of = cache(self._power_of)
        self.tone = cache(self._tone)

    @cached_property
    def symbols(self) -> torch.Tensor:
        """z: the samples behind two boxes and the equaliser, (N, 2, 128, 8), 8 bits."""
        x = boxed(self.samples)
        total = x * self._weights[0]
        for weight in self._weights[1:]:
            x = binomial(x)
            total = total + x * weight
        return requantised(total, STEP / 32, STEP, 8, signed=True)

    @cached_property
    def power(self) -> torch.Tensor:
        """|z|^2, (N, 1, 128, 8): 11 bits, steps of 1/256."""
        return requantised(power(self.symbols), STEP**2, POWER_STEP, 11, signed=False)

    def _ramp(self, index: int) -> torch.Tensor:
        """Means over the symbols of a ramp of the power, (N, 1, 1, 8)."""
        ramp = RAMPS[index]
        return mean((self.power - ramp.begin).clamp(0, ramp.height), SYMBOLS)

    def _mean_ramp(self, index: int) -> torch.Tensor:
        """Mean over symbols and phases of a ramp, (N, 1, 1, 1)."""
        return mean(self.ramp(index), 1, PHASES)

    def _parts(self, exponent: int, phases: int) -> tuple[torch.Tensor, torch.Tensor]:
        """I and Q of scale(exponent) x z^exponent at all 8 phases or at every other, (N, 1, 128, phases): 8 bits."""
        if exponent == 1:
            some = self.symbols if phases == PHASES else every_other_phase(self.symbols)
            return channel(some, 0), channel(some, 1)
        return squared(*self.parts(exponent // 2, phases), of=exponent // 2)

    def _power_of(self, exponent: int, phases: int) -> torch.Tensor:
        """scale(exponent) x z^exponent at all 8 phases or at every other, (N, 2, 128, phases)."""
        return torch.cat(self.parts(exponent, phases), 1)

    @cached_property
    def raw_power(self) -> torch.Tensor:
        """|x|^2 of the samples, (N, 1, 1, 1024): 10 bits, steps of 1/128."""
        return requantised(power(self.samples), STEP**2, 2 * POWER_STEP, 10, signed=False)

    @cached_property
    def decimated(self) -> torch.Tensor:
        """d: means of 8 samples, (N, 2, 32, 4), 8 bits."""
        means = mean(self.samples.reshape(-1, 2, SYMBOLS, PHASES), 1, 8)
        return requantised(means, STEP / 8, STEP, 8, signed=True).reshape(-1, 2, 32, 4)

    @cached_property
    def decimated_squared(self) -> torch.Tensor:
        """2 d^2, (N, 2, 32, 4), 8 bits."""
        return torch.cat(squared(channel(self.decimated, 0), channel(self.decimated, 1), of=1), 1)

    def _tone(self, of: int, name: str) -> torch.Tensor:
        """y: one frequency of the 4-point transforms of d (of = 1) or of 2 d^2 (of = 2), (N, 2, 32, 1), 8 bits."""
        z = self.decimated if of == 1 else self.decimated_squared
        of_i, of_q = torch.tensor(TONES[name], dtype=z.dtype)
        step = STEP * scale(of)
        if not of_q.any():
            return requantised(mean(z * of_i, 1, 4), step / 4, step, 8, signed=True)
        both = torch.cat([block_sums(z, of_i, of_q), block_sums(z, -of_q, of_i)], 1)
        return requantised(both, step / 4, step, 8, signed=True).reshape(-1, 2, 32, 1)
