"""Checks that labels fit the signals: labels in a wrong class order raise no error and make every result wrong.

OOK, ASK, BPSK and AM are real-valued up to a phase: the mean of x^2, over the mean of |x|^2, has a magnitude near 1.
For the other classes this ratio is near 0. (Measured on the published file by others: it agrees for 24 of 24 classes
with the order of `radioml.constants`, and for 10 of 24 with that of classes.txt.)
"""

from __future__ import annotations

import numpy as np

from radioml.constants import CLASSES, SNRS_DB
from radioml.data.class_names import SHIPPED_ORDER

_REAL = np.array([name.startswith(("OOK", "BPSK", "AM-")) or name.endswith("ASK") for name in CLASSES])
_LEAST_SNR_DB = 10
_ENOUGH = 5  # frames of a class
_MOST = 200
_BETTER_BY = 3
"""Number of classes by which another order must explain the signals better; it may leave one unexplained."""


def _order(name_of: list[str]) -> np.ndarray:
    """Class that each label stands for, where another list of names numbered the labels."""
    return np.array([CLASSES.index(name) for name in name_of])


_OTHERS = {
    "the names were given by the wrong list in classes.txt: --classes classes.txt sets them right": _order(
        [CLASSES[SHIPPED_ORDER.index(name)] for name in CLASSES]
    ),
    f"the numbers are in alphabetical order: --classes {','.join(sorted(CLASSES))}": _order(sorted(CLASSES)),
    "the numbers are one too high: --first-class 1": np.maximum(np.arange(len(CLASSES)) - 1, 0),
    "the numbers are one too low: --first-class 0": np.minimum(np.arange(len(CLASSES)) + 1, len(CLASSES) - 1),
}


class OrderCheck:
    """Looks at frames of high SNR as they pass."""

    def __init__(self) -> None:
        """Begin with no frame seen."""
        self._sums, self._counts = np.zeros(len(CLASSES)), np.zeros(len(CLASSES), np.int64)

    def add(self, iq: np.ndarray, cells: np.ndarray) -> None:
        """Look at frames, float32 (N, 1024, 2); cells: int64 (N,), class x 26 + SNR index, -1 for frames left out."""
        classes = cells // len(SNRS_DB)
        wanted = (cells >= 0) & (np.array(SNRS_DB)[cells % len(SNRS_DB)] >= _LEAST_SNR_DB)
        wanted &= self._counts[classes] < _MOST
        samples = iq[wanted].astype(np.float64).view(np.complex128)[..., 0]
        samples -= samples.mean(1, keepdims=True)
        power = np.square(np.abs(samples)).mean(1)
        ratio = np.abs(np.square(samples).mean(1)) / np.where(power > 0, power, 1)
        np.add.at(self._sums, classes[wanted], ratio)
        np.add.at(self._counts, classes[wanted], 1)

    def contradiction(self) -> str | None:
        """Which other order the labels are in, and what to do; None where they fit, or nothing can be said."""
        seen = np.flatnonzero(self._counts >= _ENOUGH)
        if not len(seen):
            return None
        real = self._sums[seen] / self._counts[seen] > 0.5
        wrong = int((real != _REAL[seen]).sum())
        for why, meant in _OTHERS.items():
            left = int((real != _REAL[meant[seen]]).sum())
            if left <= 1 and wrong - left >= _BETTER_BY:
                return f"{wrong} of {len(seen)} classes have the signals of others: {why}"
        return None
