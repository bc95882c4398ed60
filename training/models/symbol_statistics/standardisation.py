"""How a statistic becomes a level of 8 bits: level = floor((factor x statistic / unit + offset) / 2^shift).

The constants bring each statistic's mean to 0 and its standard deviation near 32 levels. They are in
standardisation.json, which `python -m training.models.symbol_statistics.standardisation` writes anew from synthetic
frames with drift, offset and errors of gain (the preset `impaired`); a network that was trained before fits the old
constants only. factor is 4 to 7, so that a multiplication is one or two additions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from radioml.files import write_text

LEVELS = 127
"""Levels are -127 to 127, so that the negative of each is a level too."""
_DEVIATION = 32
_FILE = Path(__file__).with_name("standardisation.json")
_FRAMES_A_CELL, _SEED, _PRESET = 16, 11, "impaired"


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
    constants: dict[str, list[int]] = json.loads(_FILE.read_text())
    return constants


def standardisation(name: str, unit: float) -> Standardisation:
    """The constants of a statistic, or of a summary such as `max.h0.8`, whose unit is given."""
    factor, shift, offset = _constants()[name]
    return Standardisation(factor, shift, offset, unit)


def fitted(values: torch.Tensor, unit: float) -> Standardisation:
    """Constants that bring values to mean 0 and a deviation near 32 levels."""
    mean, deviation = values.double().mean().item() / unit, values.double().std().item() / unit
    wanted = _DEVIATION / max(deviation, 1e-9)
    factor, shift = min(
        ((factor, shift) for factor in (4, 5, 6, 7) for shift in range(1, 24)),
        key=lambda pair: abs(pair[0] / 2 ** pair[1] / wanted - 1),
    )
    return Standardisation(factor, shift, round(2 ** (shift - 1) - factor * mean), unit)


def main() -> None:
    """Measure all statistics on synthetic frames and write standardisation.json."""
    import numpy as np

    from radioml.constants import CLASSES, SNRS_DB
    from radioml.data.conditions import preset
    from radioml.data.synthetic import generate_cell
    from training.models.symbol_statistics.front_end import all_values

    rng, found = np.random.default_rng(_SEED), []
    for name in CLASSES:
        for snr_db in SNRS_DB:
            iq = torch.from_numpy(generate_cell(rng, _FRAMES_A_CELL, name, snr_db, preset(_PRESET))).transpose(1, 2)
            found.append(all_values((iq * 64).round().clamp(-128, 127) / 64))
    lines = []
    for name, (_, unit) in found[0].items():
        constants = fitted(torch.cat([values[name][0].flatten() for values in found]), unit)
        lines.append(f'"{name}": [{constants.factor}, {constants.shift}, {constants.offset}]')
    write_text(_FILE, "{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
