"""Fitting the front end: `python -m training.models.symbol_statistics.fitting [--data FILE]`.

With a RadioML file: the taps of the equaliser, from training frames of the file, for `radioml train`. Without:
the standardisation of all statistics. Its frames are synthetic, of all classes and SNRs, with drift, offset and errors
of gain (the preset `impaired`). A network that was trained before fits the old constants only.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

import numpy as np
import torch

from radioml.constants import CLASSES, SNRS_DB
from radioml.data.conditions import preset
from radioml.data.synthetic import generate_cell
from radioml.errors import RadioMLError
from radioml.files import write_text
from training.models.symbol_statistics.equaliser import taps_of_file
from training.models.symbol_statistics.front_end import all_values
from training.models.symbol_statistics.standardisation import STANDARDISATION, Standardisation

_DEVIATION = 32
"""Levels of a standard deviation."""
_FRAMES_A_CELL, _SEED, _PRESET = 16, 11, "impaired"


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
    """Print the taps of a file, or write standardisation.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="RadioML HDF5 file")
    data = parser.parse_args().data
    if data is None:
        _fit_standardisation()
        return
    try:
        print(shlex.join(["--set", f"parameters.equaliser={list(taps_of_file(data))}"]))
    except RadioMLError as error:
        raise SystemExit(f"error: {error}") from None


def _fit_standardisation() -> None:
    """Measure all statistics on synthetic frames."""
    rng, found = np.random.default_rng(_SEED), []
    for name in CLASSES:
        for snr_db in SNRS_DB:
            iq = torch.from_numpy(generate_cell(rng, _FRAMES_A_CELL, name, snr_db, preset(_PRESET))).transpose(1, 2)
            found.append(all_values((iq * 64).round().clamp(-128, 127) / 64))
    lines = []
    for name, (_, unit) in found[0].items():
        constants = fitted(torch.cat([values[name][0].flatten() for values in found]), unit)
        lines.append(f'"{name}": [{constants.factor}, {constants.shift}, {constants.offset}]')
    write_text(STANDARDISATION, "{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
