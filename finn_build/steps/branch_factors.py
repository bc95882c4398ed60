"""Integer factors that decide the thresholds of a weighted sum of two integers exactly as real scales do.

A level of an activation behind two branches is reached where s1 A + s2 B >= T, with integer sums A and B and real
scales. Hardware computes m1 A + m2 B >= t instead. `integer_factors` finds the smallest integers m1 and m2 for which
there is an integer t for every T, such that both inequalities agree for every pair (A, B) in a range. This is a proof
by exhaustion: for every A, the smallest B that reaches the level is compared.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from radioml.errors import RadioMLError

TIE = 1e-9
"""A threshold that is closer than this to an integer, in double precision, is taken for the integer."""
_MOST_BITS = 20
"""Bits of the larger factor."""
_SAMPLED = 64
"""Every 64th A is tried first, which rules out most wrong factors."""


@dataclass(frozen=True)
class Boundary:
    """A level of one channel that begins where s1 A + s2 B >= threshold.

    On equality Brevitas rounds to the even level, so an odd level begins one B later.

    threshold: may be infinite.
    scales: s1 and s2.
    first: the lowest and the highest A.
    second: the lowest and the highest B.
    """

    threshold: float
    level: int
    scales: tuple[float, float]
    first: tuple[int, int]
    second: tuple[int, int]

    def decided_by(self, factors: tuple[int, int], every: int = 1) -> int | None:
        """The smallest m1 A + m2 B of pairs that reach the level; None where a pair below the level has as large a sum.

        every: distance between the values of A that are tried.
        """
        low, high = self.second
        a = np.arange(self.first[0], self.first[1] + 1, every, dtype=np.float64)
        b = (self.threshold - self.scales[0] * a) / self.scales[1]
        with np.errstate(invalid="ignore"):
            tied = np.abs(b - np.rint(b)) < TIE
        b = np.where(tied, np.rint(b) + self.level % 2, np.ceil(b))  # the smallest B that reaches the level
        above, below = b <= high, b - 1 >= low
        reach = factors[0] * a[above] + factors[1] * np.maximum(b[above], low)
        miss = factors[0] * a[below] + factors[1] * np.minimum(b[below] - 1, high)
        if not len(reach):
            return factors[0] * self.first[1] + factors[1] * high + 1
        if not len(miss):
            return factors[0] * self.first[0] + factors[1] * low
        return int(reach.min()) if miss.max() < reach.min() else None


def integer_factors(
    scales: tuple[float, float], boundaries: Sequence[Boundary], name: str
) -> tuple[tuple[int, int], list[int]]:
    """The smallest factors that decide all boundaries, and the threshold of each.

    A sum that reaches a level and a sum that does not together rule out all quotients m1 / m2 on one side of a number.
    So the valid quotients form an interval around s1 / s2, and on either side a nearer fraction is better. The
    candidates are the convergents and semiconvergents of the continued fraction of s1 / s2: every other fraction is
    farther from s1 / s2 than one with smaller numbers.

    name: of the layer, for the message. Raises RadioMLError where no factors below 2^20 are valid.
    """

    def decide(factors: tuple[int, int]) -> bool:
        return all(
            boundary.decided_by(factors, every) is not None for every in (_SAMPLED, 1) for boundary in boundaries
        )

    before, last = (0, 1), (1, 0)
    rest = Fraction(scales[0]) / Fraction(scales[1])
    while True:
        whole = rest.numerator // rest.denominator
        run = _Run(before, last)
        most = min(whole, run.most(2**_MOST_BITS))
        if most > 0 and decide(run[most]):
            factors = run[bisect_left(range(1, most), True, key=lambda steps: decide(run[steps])) + 1]
            thresholds = [boundary.decided_by(factors) for boundary in boundaries]
            return factors, [threshold for threshold in thresholds if threshold is not None]
        if rest == whole or most < whole:
            break
        before, last, rest = last, run[whole], 1 / (rest - whole)
    raise RadioMLError(
        f"{name}: no integer factors of {_MOST_BITS} bits decide its thresholds as the scales {scales[0]:.9g} and "
        f"{scales[1]:.9g} of its branches do; use one quantiser for both branches (in Brevitas, the same module)"
    )


@dataclass(frozen=True)
class _Run:
    """The fractions between two convergents, each nearer to the quotient than the one before, on one side of it."""

    before: tuple[int, int]
    last: tuple[int, int]

    def __getitem__(self, steps: int) -> tuple[int, int]:
        return steps * self.last[0] + self.before[0], steps * self.last[1] + self.before[1]

    def most(self, limit: int) -> int:
        """The most steps after which both numbers are at most `limit`."""
        return min((limit - b) // step for b, step in zip(self.before, self.last, strict=True) if step)
