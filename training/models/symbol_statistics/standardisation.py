"""How a statistic becomes a level of 8 bits: level = floor((factor x statistic / unit + offset) / 2^shift).

The constants bring each statistic's mean to 0 and its standard deviation near 32 levels. They are in
standardisation.json, or among the parameters of an experiment, see `fitting.py`. factor is 4 to 7, so that a
multiplication is one or two additions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from radioml.errors import RadioMLError

LEVELS = 127
"""Levels are -127 to 127, so that the negative of each is a level too."""
STANDARDISATION = Path(__file__).with_name("standardisation.json")


@dataclass(frozen=True)
class Standardisation:
    """See the module; unit: of the statistic, a power of two."""

    factor: int
    shift: int
    offset: int
    unit: float

    @property
    def gain(self) -> float:
        """Levels of a statistic's value 1."""
        return self.factor / 2**self.shift / self.unit

    @property
    def bias(self) -> float:
        """Added before the rounding to the nearest level; its last bit keeps sums from lying halfway."""
        return (2 * self.offset - 2**self.shift + 1) / 2 ** (self.shift + 1)

    def level(self, integer: int) -> int:
        """The level of statistic / unit, in integers."""
        return max(-LEVELS, min(LEVELS, (self.factor * integer + self.offset) >> self.shift))


@cache
def _constants() -> dict[str, list[int]]:
    constants: dict[str, list[int]] = json.loads(STANDARDISATION.read_text())
    return constants


def standardisation(
    name: str, unit: float, fitted: Mapping[str, Sequence[int]] = MappingProxyType({})
) -> Standardisation:
    """The constants of a statistic, or of a summary such as `max.h0.8`, whose unit is given.

    fitted: factor, shift and offset of statistics that do not have the shipped ones.
    """
    factor, shift, offset = fitted[name] if name in fitted else _constants()[name]
    return Standardisation(factor, shift, offset, unit)


def check_fitted(constants: Sequence[int], name: str, unit: float, low: float, high: float) -> None:
    """Raise RadioMLError for constants out of range, or with which single precision gives a wrong level.

    unit, low, high: of the statistic. The levels rise with the statistic, in single precision as in integers. They
    agree everywhere if they agree on both sides of each step.
    """
    if len(constants) != 3 or not 4 <= constants[0] <= 7 or not 1 <= constants[1] <= 23:
        raise RadioMLError(
            f"standardisation of {name!r} = {list(constants)}: expected factor (4 to 7), shift (1 to 23) and offset"
        )
    scale = Standardisation(constants[0], constants[1], constants[2], unit)
    begins = [-((scale.offset - (level << scale.shift)) // scale.factor) for level in range(-LEVELS, LEVELS + 1)]
    integers = sorted({round(min(max(x, low / unit), high / unit)) for begin in begins for x in (begin - 1, begin)})
    values = np.array(integers, np.float64) * unit
    found = np.rint(values.astype(np.float32) * np.float32(scale.gain) + np.float32(scale.bias)).clip(-LEVELS, LEVELS)
    if found.tolist() != [scale.level(x) for x in integers]:
        raise RadioMLError(
            f"standardisation of {name!r} = {list(constants)}: single precision cannot compute it exactly"
        )
