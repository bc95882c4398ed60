"""A quantised activation as a function of the integer sum in front of it: found by bisection, then proven.

Between the integer sums of a layer and the levels of the quantiser behind it lie elementwise operations: the layer's
scale and bias, a batch norm, a ReLU. All are monotone, so that a channel's levels are a staircase over its sums.
Bisection with the operations themselves, in double precision, finds the steps. A line `slope x sum + offset`, rounded
down, replaces the operations if it gives the right level on both sides of every step; single precision is enough for
most activations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Staircase:
    """Where the levels of each channel change.

    lowest, highest: of all levels. sign: int64 (channels,), -1 where levels fall as sums rise. first: int64 (highest -
    lowest, channels), for each level above the lowest the least sum x sign that reaches it. low, high: int64
    (channels,), bounds of sum x sign; a level that no sum has begins at `high` + 1.
    """

    lowest: int
    highest: int
    sign: np.ndarray
    first: np.ndarray
    low: np.ndarray
    high: np.ndarray


def staircase(
    levels: Callable[[np.ndarray], np.ndarray], lowest: int, highest: int, low: np.ndarray, high: np.ndarray
) -> Staircase:
    """Find the steps by bisection.

    levels: sums float64 (n, channels) -> levels of the same shape, monotone in each channel. low, high: int64
    (channels,), bounds of the sums.
    """
    ends = levels(np.stack([low, high]).astype(np.float64))
    sign = np.where(ends[1] < ends[0], -1, 1)
    low, high = np.minimum(low * sign, high * sign), np.maximum(low * sign, high * sign)
    wanted = np.arange(lowest + 1, highest + 1)[:, None]
    left, right = np.tile(low, (len(wanted), 1)), np.tile(high + 1, (len(wanted), 1))
    while (searching := left < right).any():
        middle = (left + right) // 2
        reached = levels((sign * np.minimum(middle, high)).astype(np.float64)) >= wanted
        right = np.where(searching & reached, middle, right)
        left = np.where(searching & ~reached, middle + 1, left)
    return Staircase(lowest, highest, sign, left, low, high)


def climb(stairs: Staircase, real: Callable[[np.ndarray], np.ndarray], dtype: type[np.floating]) -> Any:
    """A function that turns sums (N, channels, ...) of type `dtype`, which it may overwrite, into levels of that type.

    real: sums float64 (n, channels) -> the quantiser's input, in levels; its slope is tried first.
    """
    slopes = _slopes(stairs, real)
    precisions: tuple[type[np.floating], ...] = (dtype, np.float64)
    for precision in dict.fromkeys(precisions):
        if (found := _line(stairs, slopes, precision)) is not None:
            return _Line(*found, stairs.lowest, stairs.highest, dtype)
    return _Comparisons(stairs, dtype)


def _slopes(stairs: Staircase, real: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Levels that each channel rises by with sum x sign, from its first step on; float64 (channels,), not negative."""
    inside = (stairs.first > stairs.low) & (stairs.first <= stairs.high)
    start = np.where(inside, stairs.first, stairs.high).min(0)
    rise = np.diff(real((stairs.sign * np.stack([start, stairs.high])).astype(np.float64)), axis=0)[0]
    steps = inside.sum(0)  # where the last sum is the first above a step, any line between the two will do
    return np.where(start < stairs.high, np.maximum(rise, 0) / np.maximum(stairs.high - start, 1), steps)


def _line(stairs: Staircase, slopes: np.ndarray, dtype: type[np.floating]) -> tuple[np.ndarray, np.ndarray] | None:
    """Slope and offset (channels,) of a line that gives the level of every sum when rounded down; None if none does.

    It does so if it reaches each level at that level's first sum, and stays below it one sum before, because rounding
    is monotone, too.
    """
    level = np.arange(stairs.lowest + 1, stairs.highest + 1, dtype=np.float64)[:, None]
    begins, missed = stairs.first <= stairs.high, stairs.first > stairs.low
    least = np.where(begins, level - slopes * stairs.first, -np.inf).max(0)
    most = np.where(missed, level - slopes * (stairs.first - 1), np.inf).min(0)
    offset = np.where(np.isinf(least), most - 1, np.where(np.isinf(most), least + 1, (least + most) / 2)).astype(dtype)
    slope = (slopes * stairs.sign).astype(dtype)
    at, before = (((stairs.sign * edge).astype(dtype) * slope + offset) for edge in (stairs.first, stairs.first - 1))
    return (slope, offset) if ((at >= level) | ~begins).all() and ((before < level) | ~missed).all() else None


class _Line:
    """floor(sum x slope + offset), between the lowest and the highest level."""

    def __init__(
        self, slope: np.ndarray, offset: np.ndarray, lowest: int, highest: int, dtype: type[np.floating]
    ) -> None:
        self._slope, self._offset, self._range, self._dtype = slope, offset, (lowest, highest), dtype

    def __call__(self, sums: np.ndarray) -> np.ndarray:
        shape = (-1,) + (1,) * (sums.ndim - 2)
        values = sums.astype(self._slope.dtype, copy=False)
        np.multiply(values, self._slope.reshape(shape), out=values)
        np.add(values, self._offset.reshape(shape), out=values)
        np.clip(values, *self._range, out=values)
        return np.floor(values, out=values).astype(self._dtype, copy=False)


class _Comparisons:
    """The number of steps that a sum is above: right for every staircase, and slow."""

    def __init__(self, stairs: Staircase, dtype: type[np.floating]) -> None:
        self._stairs, self._dtype = stairs, dtype

    def __call__(self, sums: np.ndarray) -> np.ndarray:
        shape = (-1,) + (1,) * (sums.ndim - 2)
        signed = sums * self._stairs.sign.reshape(shape)
        levels = np.full_like(signed, self._stairs.lowest)
        for first in self._stairs.first:
            levels += signed >= first.reshape(shape)
        return levels.astype(self._dtype, copy=False)
