"""How a statistic becomes a level of 8 bits: level = floor((factor x statistic / unit + offset) / 2^shift).

The constants bring each statistic's mean to 0 and its standard deviation near 32 levels. They are in
standardisation.json, see `fitting.py`. factor is 4 to 7, so that a multiplication is one or two additions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

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
        """Levels a statistic's 1 is."""
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


def standardisation(name: str, unit: float) -> Standardisation:
    """The constants of a statistic, or of a summary such as `max.h0.8`, whose unit is given."""
    factor, shift, offset = _constants()[name]
    return Standardisation(factor, shift, offset, unit)
