"""Fits the equaliser's taps to frames, to minimise inter-symbol interference.

The power of phase-shift keying is the same at every symbol. Behind the filters of transmitter and front end it varies
by inter-symbol interference and noise. The taps minimise this variation for such frames at high SNR, each taken at the
phase where it varies least: the mean over frames of min over phases of var(p) / mean(p)^2. The taps' common factor
gives these frames a mean power of 1 at that phase. They are symmetrical, and rounded to 1/32.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from radioml.constants import CLASSES, FRAME_LENGTH
from radioml.data import dataset
from radioml.data.split import spread_indices
from radioml.errors import RadioMLError
from training.models.symbol_statistics.signals import STEP, boxed

_PSK = ("BPSK", "QPSK", "8PSK", "16PSK", "32PSK")
_LOWEST_SNR_DB = 20
_FRAMES = 400
_REACH = 3
"""Symbols to both sides."""
_STEPS = 32
_LIMIT = 64
"""Largest tap in steps, with which the sums of the front end stay exact in single precision."""


def checked(taps: Sequence[int]) -> tuple[int, ...]:
    """Taps in steps of 1/32, at 0 to 3 symbols to both sides; raises RadioMLError for other values."""
    if len(taps) != _REACH + 1 or any(abs(tap) > _LIMIT for tap in taps) or not taps[0]:
        raise RadioMLError(
            f"equaliser = {list(taps)}: expected {_REACH + 1} whole numbers from -{_LIMIT} to {_LIMIT} and no 0 first, "
            f"the taps in steps of 1/{_STEPS} at 0, 1, 2, 3 symbols to both sides"
        )
    return tuple(taps)


def fitted_taps(iq: np.ndarray) -> tuple[int, ...]:
    """Taps of frames of phase-shift keying at high SNR, float32 (N, 1024, 2)."""
    from scipy.optimize import minimize

    samples = torch.from_numpy(np.clip(np.rint(iq / STEP), -128, 127) * STEP).float().transpose(1, 2)
    x = boxed(samples.reshape(-1, 2, 1, FRAME_LENGTH)).double().numpy()
    z = x[:, 0] + 1j * x[:, 1]
    inner = slice(_REACH, z.shape[1] - _REACH)
    sides = [np.roll(z, k, 1)[:, inner] + np.roll(z, -k, 1)[:, inner] for k in range(1, _REACH + 1)]
    parts = np.stack([z[:, inner], *sides])

    def powers(others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variation of each frame's power at each phase, (N, 8)."""
        p = np.abs(np.tensordot([1.0, *others], parts, 1)) ** 2
        mean = p.mean(1)
        return mean, p.var(1) / np.maximum(mean, 1e-12) ** 2

    best = minimize(lambda others: powers(others)[1].min(1).mean(), np.zeros(_REACH), method="Nelder-Mead").x
    mean, variation = powers(best)
    factor = np.take_along_axis(mean, variation.argmin(1)[:, None], 1).mean() ** -0.5
    return checked([round(float(tap)) for tap in np.array([1.0, *best]) * factor * _STEPS])


def taps_of_file(data: Path) -> tuple[int, ...] | None:
    """Taps of training frames of a RadioML file; None without phase-shift keying at an SNR of 20 dB or more."""
    iq = frames_of_psk(data)
    return fitted_taps(iq) if len(iq) else None


def frames_of_psk(data: Path) -> np.ndarray:
    """Some training frames of phase-shift keying at an SNR of 20 dB or more, float32 (N, 1024, 2); N may be 0."""
    layout = dataset.read_layout(data)
    wanted = np.array([CLASSES.index(name) for name in _PSK])
    indices = spread_indices(layout, None, "train")
    class_index, snr_db = layout.labels(indices)
    chosen = indices[np.isin(class_index, wanted) & (snr_db >= _LOWEST_SNR_DB)]
    few = chosen[np.linspace(0, max(len(chosen) - 1, 0), min(_FRAMES, len(chosen))).astype(int)]
    return dataset.read_iq(data, np.sort(few))
