"""Fitting the front end: the taps of the equaliser and the standardisation of all statistics.

`python -m training.models.symbol_statistics` fits the shipped standardisation to synthetic frames of all classes and
SNRs, with drift, offset and errors of gain. `radioml train` fits both to the training frames of a file that the
generator did not make. A network that was trained before fits the old constants only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from radioml.constants import CLASSES, SNRS_DB
from radioml.data import dataset
from radioml.data.conditions import Conditions
from radioml.data.split import spread_indices
from radioml.data.synthetic import generate_cell
from training.models.symbol_statistics.equaliser import taps_of_file
from training.models.symbol_statistics.front_end import all_values
from training.models.symbol_statistics.signals import TAPS
from training.models.symbol_statistics.standardisation import Standardisation
from training.models.symbol_statistics.symbol_rate import check_symbol_rate

_DEVIATION = 32
"""Levels of a standard deviation."""
_FRAMES_A_CELL, _SEED = 16, 11
_CONDITIONS = Conditions(drift=1, offset=5e-5, gain_db=1)
_AT_ONCE = 512
"""Frames of a file whose statistics are computed together."""


def fitted(values: torch.Tensor, unit: float) -> Standardisation:
    """Constants that bring values to mean 0 and a deviation near 32 levels."""
    mean, deviation = values.double().mean().item() / unit, values.double().std().item() / unit
    wanted = _DEVIATION / max(deviation, 1e-9)
    factor, shift = min(
        ((factor, shift) for factor in (4, 5, 6, 7) for shift in range(1, 24)),
        key=lambda pair: abs(pair[0] / 2 ** pair[1] / wanted - 1),
    )
    return Standardisation(factor, shift, round(2 ** (shift - 1) - factor * mean), unit)


def fitted_to(data: Path) -> dict[str, Any]:
    """The parameters `equaliser` and `standardisation` for a RadioML file, from its training part.

    Without frames that fit the equaliser the shipped taps stay, and the first parameter is left out. Raises
    RadioMLError for a file that cannot be read, and for one whose symbols do not have 8 samples.
    """
    check_symbol_rate(data)
    found = taps_of_file(data)
    taps = found or TAPS
    layout = dataset.read_layout(data)
    indices = spread_indices(layout, None, "train")[: _FRAMES_A_CELL * len(CLASSES) * len(SNRS_DB)]
    parts = (dataset.read_iq(data, np.sort(some)) for some in np.array_split(indices, -(-len(indices) // _AT_ONCE)))
    return {**({"equaliser": list(found)} if found else {}), "standardisation": _standardisations(parts, taps)}


def shipped() -> dict[str, list[int]]:
    """The standardisation that is shipped: factor, shift and offset of all statistics by name."""
    return _standardisations(_synthetic(), TAPS)


def _synthetic() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(_SEED)
    for name in CLASSES:
        for snr_db in SNRS_DB:
            yield generate_cell(rng, _FRAMES_A_CELL, name, snr_db, _CONDITIONS)


def _standardisations(parts: Iterable[np.ndarray], taps: Sequence[int]) -> dict[str, list[int]]:
    """Factor, shift and offset of all statistics, measured on frames float32 (n, 1024, 2)."""
    found = []
    for iq in parts:
        samples = torch.from_numpy(iq).transpose(1, 2)
        found.append(all_values((samples * 64).round().clamp(-128, 127) / 64, taps))
    constants = {}
    for name, (_, unit) in found[0].items():
        fit = fitted(torch.cat([values[name][0].flatten() for values in found]), unit)
        constants[name] = [fit.factor, fit.shift, fit.offset]
    return constants
