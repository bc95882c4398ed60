"""Integer factors of two branches against every pair of sums, with the real scales in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

import numpy as np
import pytest

from finn_build.steps.branch_factors import Boundary, integer_factors
from radioml.errors import RadioMLError

RANGES = (-40, 55), (-30, 71)


def reached(boundary: Boundary) -> np.ndarray:
    """Whether each pair (A, B) of the ranges reaches the level: bool (A, B), in exact arithmetic."""
    values = [Fraction(value) for value in (*boundary.scales, boundary.threshold)]
    common = lcm(*(value.denominator for value in values))
    s1, s2, limit = (int(value * common) for value in values)
    a, b = (np.arange(low, high + 1).astype(object) for low, high in (boundary.first, boundary.second))
    sums = s1 * a[:, None] + s2 * b[None]  # Python's integers, of any size
    return ((sums > limit) | ((sums == limit) & (boundary.level % 2 == 0))).astype(bool)


def decided(boundary: Boundary, factors: tuple[int, int], threshold: int) -> np.ndarray:
    """The same as the hardware decides it."""
    a, b = (np.arange(low, high + 1) for low, high in (boundary.first, boundary.second))
    return factors[0] * a[:, None] + factors[1] * b[None] >= threshold


def random_boundaries(seed: int) -> list[Boundary]:
    random = np.random.default_rng(seed)
    scales = tuple(float(np.float32(scale)) for scale in random.uniform(0.01, 0.3, 2))
    most = abs(scales[0]) * 60 + abs(scales[1]) * 75
    return [
        Boundary(float(threshold), level, (scales[0], scales[1]), *RANGES)
        for level, threshold in enumerate(np.sort(random.uniform(-most, most, 15)), 1)
    ]


@pytest.mark.parametrize("seed", range(12))
def test_every_pair_is_decided_as_by_the_scales(seed):
    boundaries = random_boundaries(seed)
    factors, thresholds = integer_factors(boundaries[0].scales, boundaries, "Conv_0")
    for boundary, threshold in zip(boundaries, thresholds, strict=True):
        expected = reached(boundary)
        assert np.array_equal(decided(boundary, factors, threshold), expected)
        assert not np.array_equal(decided(boundary, factors, threshold + 1), expected) or threshold in (
            sum(factor * low for factor, (low, _) in zip(factors, RANGES, strict=True)),
            sum(factor * high for factor, (_, high) in zip(factors, RANGES, strict=True)) + 1,
        )


@pytest.mark.parametrize("seed", range(4))
def test_no_smaller_factors_do(seed):
    boundaries = random_boundaries(seed)
    factors, _ = integer_factors(boundaries[0].scales, boundaries, "Conv_0")
    for m1 in range(1, max(factors)):
        for m2 in range(1, max(factors)):
            if gcd(m1, m2) == 1:
                refuting = next((boundary for boundary in boundaries if boundary.decided_by((m1, m2)) is None), None)
                assert refuting, (m1, m2)
                boundaries.sort(key=lambda boundary: boundary is not refuting)  # it refutes the next ones, too


def test_a_sum_that_is_the_threshold_belongs_to_the_even_level():
    for level in (1, 2):
        boundary = Boundary(3.0, level, (0.5, 0.25), *RANGES)
        factors, (threshold,) = integer_factors(boundary.scales, [boundary], "Conv_0")
        assert (factors, threshold) == ((2, 1), 12 + level % 2)
        assert np.array_equal(decided(boundary, factors, threshold), reached(boundary))


def test_levels_that_all_or_no_sums_reach():
    for threshold, expected in ((-np.inf, -70), (np.inf, 127)):
        boundary = Boundary(threshold, 1, (0.5, 0.5), *RANGES)
        assert integer_factors(boundary.scales, [boundary], "Conv_0") == ((1, 1), [expected])


def test_scales_without_exact_factors_are_refused(monkeypatch):
    monkeypatch.setattr("finn_build.steps.branch_factors._MOST_BITS", 2)
    boundaries = random_boundaries(0)
    with pytest.raises(RadioMLError, match=r"Conv_0: no integer factors of 2 bits decide(.|\n)*use one quantiser"):
        integer_factors(boundaries[0].scales, boundaries, "Conv_0")


def test_scales_that_are_nearly_equal():
    """The continued fraction of 1 + 2^-23 begins with millions of fractions on one side."""
    boundaries = [Boundary(3.5, 1, (float(np.nextafter(np.float32(1), np.float32(2))), 1.0), *RANGES)]
    assert integer_factors(boundaries[0].scales, boundaries, "Conv_0") == ((1, 1), [4])
