"""Grids: numbers known to be integers times a step, between two bounds, and the type that holds them exactly.

A sum, a product or a mean of numbers on grids lies on a grid again, whose bounds follow from theirs. If the steps are
powers of two and a floating-point type holds the integers, this type computes without rounding. Its results are then
those of double precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

_EXACT: tuple[tuple[type[np.floating], int], ...] = ((np.float32, 1 << 24), (np.float64, 1 << 53))
"""Types, and the integer up to which each holds all integers."""
_FINEST, _COARSEST = 2.0**-100, 2.0**100
"""Units and scales beyond these would leave the range of exponents of single precision."""


@dataclass(frozen=True)
class Grid:
    """Numbers = values x scale, and values = integers x unit; tensors are stored as values.

    scale: greater than 0. unit: a power of two. low, high: bounds of the integers.
    """

    scale: float
    low: int
    high: int
    unit: float = 1.0

    @property
    def dyadic(self) -> bool:
        """Whether the numbers are integers times a power of two."""
        return is_power_of_two(self.scale)

    @property
    def dtype(self) -> type[np.floating] | None:
        """The narrowest type that holds all values; None where there is none."""
        inside = all(_FINEST <= size <= _COARSEST for size in (self.unit, self.scale))
        return exact_type(max(-self.low, self.high)) if inside else None

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        """The lowest and the highest value."""
        return Fraction(self.unit) * self.low, Fraction(self.unit) * self.high

    def of_integers(self) -> Grid | None:
        """The same grid with unit 1; None where values are no integers."""
        return between(self.scale, 1.0, *self.ends) if self.unit >= 1 else None


def between(scale: float, unit: float, *values: Fraction) -> Grid:
    """The grid from the lowest to the highest of some values, which are multiples of the unit or are rounded to it."""
    return Grid(scale, math.floor(min(values) / Fraction(unit)), math.ceil(max(values) / Fraction(unit)), unit)


def exact_type(largest: float | Fraction) -> type[np.floating] | None:
    """The narrowest type that holds all integers up to this one; None where there is none."""
    return next((kind for kind, most in _EXACT if largest <= most), None)


def is_power_of_two(value: float) -> bool:
    """Whether a value is a positive power of two."""
    return math.frexp(value)[0] == 0.5


def unit_of(values: np.ndarray) -> float:
    """The largest power of two of which all finite numbers are multiples; 1 for zeros."""
    mantissas, exponents = np.frexp(values[values != 0].astype(np.float64))
    integers = (mantissas * 2.0**53).astype(np.int64)
    return float(np.ldexp((integers & -integers).astype(np.float64), exponents - 53).min()) if len(integers) else 1.0
