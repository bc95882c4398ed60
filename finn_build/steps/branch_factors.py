"""Integer factors that decide the thresholds of a weighted sum of two integers exactly as real scales do.

A level of an activation behind two branches is reached where s1 A + s2 B >= T, with integer sums A and B and real
scales. Hardware computes m1 A + m2 B >= t instead. `integer_factors` finds the smallest integers m1 and m2 for which
there is an integer t for every T, such that both inequalities agree for every pair (A, B) in a range. This is a proof
by exhaustion: for every A, the smallest B that reaches the level is compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from radioml.errors import RadioMLError

TIE = 1e-9
"""A threshold that is closer than this to an integer, in double precision, is taken for the integer."""
_MOST_BITS = 20
"""Of the larger factor."""
_SAMPLED = 64
"""Every so manieth A is tried first, which most wrong factors do not survive."""


@dataclass(frozen=True)
class Boundary:
    """A level of one channel that begins where s1 A + s2 B >= threshold.

    Where both are equal, Brevitas rounds to the even level, so an odd level begins one B later.

    scales: s1 and s2. first, second: the lowest and the highest A, and B. threshold: may be infinite.
    """

    threshold: float
    level: int
    scales: tuple[float, float]
    first: tuple[int, int]
    second: tuple[int, int]

    def decided_by(self, factors: tuple[int, int], every: int = 1) -> int | None:
        """The smallest m1 A + m2 B that reaches the level; None where a pair that does not has as much.

        every: look at every so manieth A only.
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

    name: of the layer, for the message. Raises RadioMLError where no factors below 2^20 do.
    """
    for factors in _near(Fraction(scales[0]) / Fraction(scales[1]), 2**_MOST_BITS):
        if any(boundary.decided_by(factors, _SAMPLED) is None for boundary in boundaries):
            continue
        thresholds = []
        for found in (boundary.decided_by(factors) for boundary in boundaries):
            if found is None:
                break
            thresholds.append(found)
        else:
            return factors, thresholds
    raise RadioMLError(
        f"{name}: no integer factors of {_MOST_BITS} bits decide its thresholds as the scales {scales[0]:.9g} and "
        f"{scales[1]:.9g} of its branches do; use one quantiser for both branches (in Brevitas, the same module)"
    )


def _near(ratio: Fraction, limit: int) -> Iterator[tuple[int, int]]:
    """Fractions m1 / m2 near a positive ratio, by the larger of both numbers.

    They are the convergents of the ratio's continued fraction and the fractions between these (semiconvergents): no
    other fraction is nearer without larger numbers.
    """
    found = set()
    (p0, q0), (p1, q1) = (0, 1), (1, 0)
    rest = ratio
    while True:
        whole = rest.numerator // rest.denominator
        steps = min(whole, limit)
        found |= {(k * p1 + p0, k * q1 + q0) for k in range(1, steps + 1) if max(k * p1 + p0, k * q1 + q0) <= limit}
        p0, q0, p1, q1 = p1, q1, whole * p1 + p0, whole * q1 + q0
        if rest == whole or max(p1, q1) > limit:
            break
        rest = 1 / (rest - whole)
    yield from sorted((pair for pair in found if min(pair) > 0), key=lambda pair: (max(pair), pair))
