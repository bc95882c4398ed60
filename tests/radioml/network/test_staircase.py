from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from radioml.network import staircase as module
from radioml.network.staircase import climb, staircase

LOW, HIGH = np.array([-700, -900, 0, -50, -3, -64]), np.array([800, 900, 1500, 50, 3, 64])
SLOPES = np.array([0.01313, -0.02071, 0.0, 0.7137, -5.0, 0.25])
OFFSETS = np.array([0.1, 3.7, 4.2, -1.0, 0.1, 0.6])
"""The third channel is constant, the fourth and fifth pass most levels in a few sums."""


def straight(sums: np.ndarray) -> np.ndarray:
    return np.maximum(sums * SLOPES + OFFSETS, 0)


def bent(sums: np.ndarray) -> np.ndarray:
    return 6 / (1 + np.exp(-straight(sums) + 4))


def signed(sums: np.ndarray) -> np.ndarray:
    return sums * SLOPES + OFFSETS


def tied(sums: np.ndarray) -> np.ndarray:
    """Every fourth sum lies between two levels, and the even level is taken; no line gives these levels."""
    return sums * 0.25 + 0.5


def never_reached(sums: np.ndarray) -> np.ndarray:
    return signed(sums) * 1e-6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("real", "lowest", "highest", "is_line"),
    [
        (straight, 0, 15, True),
        (signed, -8, 7, True),
        (never_reached, 0, 15, True),
        (bent, 0, 7, False),
        (tied, 0, 15, False),
    ],
)
def test_every_sum_gets_the_level_that_the_operations_give(
    real: Callable, lowest: int, highest: int, is_line: bool, dtype: type
):
    def levels(sums: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(real(sums)), lowest, highest)

    found = climb(staircase(levels, lowest, highest, LOW, HIGH), real, dtype)
    assert isinstance(found, module._Line) == is_line
    every = np.clip(np.arange(-2000, 2001)[:, None], LOW, HIGH)
    given = found(np.ascontiguousarray(every[:, :, None]).astype(dtype))
    assert given.dtype == dtype
    np.testing.assert_array_equal(given[:, :, 0], levels(every.astype(np.float64)))


def test_a_line_that_single_precision_cannot_draw_is_drawn_in_double():
    low, high = np.array([-6_000_000]), np.array([6_000_000])

    def real(sums: np.ndarray) -> np.ndarray:
        return sums * 3e-5 + 100.123456

    def levels(sums: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(real(sums)), 0, 255)

    stairs = staircase(levels, 0, 255, low, high)
    assert module._line(stairs, module._slopes(stairs, real), np.float32) is None
    near = np.unique(stairs.first + np.arange(-3, 4)[:, None, None])
    near = near[(near >= low) & (near <= high)]
    found = climb(stairs, real, np.float32)(near[:, None].astype(np.float32))
    np.testing.assert_array_equal(found, levels(near[:, None].astype(np.float64)))


def test_a_line_that_misses_one_step_is_refused():
    def levels(sums: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(sums * 0.0131), 0, 15)

    stairs = staircase(levels, 0, 15, LOW[:1], HIGH[:1])
    slopes = np.array([0.0131])
    assert module._line(stairs, slopes, np.float64) is not None
    for step in np.flatnonzero(stairs.first[:, 0] <= stairs.high):
        stairs.first[step] += 60
        assert module._line(stairs, slopes, np.float64) is None
        stairs.first[step] -= 60
