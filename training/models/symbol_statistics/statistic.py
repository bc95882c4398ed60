"""What a statistic is, and two ways to make more of them: multiples with a limit, and powers of means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from training.models.symbol_statistics.operations import mean, mean_power, overlapping, requantised
from training.models.symbol_statistics.signals import STEP, Signals, rounded_means, scale

Values = Callable[[Signals], torch.Tensor]


@dataclass(frozen=True)
class Statistic:
    """One statistic, a multiple of `unit`.

    formula: in words and symbols. one: the value that stands for 1 of the formula. unit: a power of two. high: no value
    is above; the lowest is -high if `signed`, else 0. phases: how many numbers there are, 1 for the whole frame.
    filters: fixed sums that it needs. compute: signals -> (N, 1, 1, phases). mean: signals -> the mean over the phases
    (N, 1, 1, 1), where that takes fewer sums than the mean of `compute`'s result.
    """

    name: str
    formula: str
    one: float
    unit: float
    high: float
    phases: int
    compute: Values
    filters: tuple[str, ...] = ()
    signed: bool = False
    mean: Values | None = None

    @property
    def bits(self) -> int:
        """Width of the integer."""
        return int(self.high / self.unit).bit_length() + self.signed

    @property
    def documentation(self) -> str:
        """One line: name, formula, range, width and cost."""
        low = -self.high / self.one if self.signed else 0
        filters = ", ".join(self.filters) or "none"
        return f"{self.name}: {self.formula}; {low:g} to {self.high / self.one:g}, {self.bits} bits; filters: {filters}"


def with_clipped(of: Statistic, *gains: int) -> Iterator[Statistic]:
    """A statistic, and some multiples of the statistic, clipped at 1."""

    def clipped(limit: float) -> Values:
        return lambda signals: of.compute(signals).clamp(max=limit)

    yield of
    for gain in gains:
        limit = of.one / gain
        yield Statistic(
            f"{of.name}x{gain}", f"{gain} x ({of.formula}), at most 1", limit, of.unit, limit, of.phases,
            clipped(limit), of.filters,
        )  # fmt: skip


def power_of_mean(
    name: str, what: str, signal: Values, of: int, rows: int, columns: int, block: int, phases: int,
    filters: tuple[str, ...],
) -> Statistic:  # fmt: skip
    """|mean of a signal called z^of|^2, or the mean of that over blocks of `block` rows, half a block apart.

    rows, columns: of the signal; its mean is over the columns too, where there are not as many as `phases`.
    """
    across = 1 if columns == phases else columns
    blocks = 1 if block == rows else 2 * rows // block

    def average(z: torch.Tensor) -> torch.Tensor:
        parts = mean(z, rows) if blocks == 1 else overlapping(z, block)
        return mean(parts, 1, across) if across > 1 else parts

    def compute(signals: Signals) -> torch.Tensor:
        means = rounded_means(signal(signals), average, block * across, of)
        if blocks == 1:
            return mean_power(means)
        return requantised(mean_power(means, zeros=1), unit / blocks, unit, 20, signed=False)

    one = scale(of) ** 2
    unit = one * (STEP / 4) ** 2
    formula = f"|mean of {what}|^2"
    if blocks > 1:
        formula = f"sum of |mean of {what} in {block * across}|^2 over {blocks - 1} blocks / {blocks}"
    return Statistic(name, formula, one, unit, 8 * one, phases, compute, filters)
