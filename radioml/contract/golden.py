"""Golden frames: IQ samples with the integer logits of the trained network, which every later stage must give."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from radioml.constants import FRAME_LENGTH, SNRS_DB
from radioml.errors import RadioMLError
from radioml.reading.arrays import read_npz

GOLDEN_FRAMES, GOLDEN_SEED = len(SNRS_DB), 20180101
"""One synthetic frame at each SNR, and the generator's seed."""
_FEWEST = 2
"""Fewest frames: an initiation interval lies between two."""


def read_golden(path: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """IQ float32 (N, 1024, 2) and integer logits int64 (N, classes) of N frames, two at least.

    Raises RadioMLError for a file that is missing or damaged, and for arrays of other shapes and types.
    """
    iq, logits = read_npz(path, ["iq", "logits"])
    shapes = iq.shape[1:] == (FRAME_LENGTH, 2) and logits.ndim == 2 and len(iq) == len(logits) >= _FEWEST
    if not (shapes and iq.dtype == np.float32 and logits.dtype == np.int64 and np.isfinite(iq).all()):
        raise RadioMLError(
            f"{path}: {iq.dtype} {iq.shape} frames and {logits.dtype} {logits.shape} logits; expected finite float32 "
            f"(N, {FRAME_LENGTH}, 2) and int64 (N, classes), N of at least {_FEWEST}. `radioml export` writes them"
        )
    return iq, logits
