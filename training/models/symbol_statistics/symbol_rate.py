"""The symbol rate of a data file: the front end is made for 8 samples a symbol, and no weight can make up for another.

The power |x|^2 of linear modulations with excess bandwidth has a spectral line at the symbol rate (Gardner,
"Exploitation of Spectral Redundancy in Cyclostationary Signals", IEEE Signal Processing Magazine, April 1991). The
spectra of the power of many frames are added, and the strongest line is taken.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import median_filter

from radioml.constants import FRAME_LENGTH
from radioml.errors import RadioMLError
from training.models.symbol_statistics.equaliser import frames_of_psk
from training.models.symbol_statistics.signals import PHASES

_LOWEST_BIN = FRAME_LENGTH // 64
"""Symbols slower than one in 64 samples cannot be told apart from the modulation itself."""
_TOLERANCE = 1
"""Bins of the spectrum, 1/1024 of the sample rate each: a drift of one sample a frame is 1/8 of a bin."""
_CLEAR, _AROUND = 4, 33
"""A clear line is at least `_CLEAR` times as strong as the median of the `_AROUND` bins around it."""


def samples_a_symbol(iq: np.ndarray) -> float | None:
    """Samples a symbol of frames float32 (N, 1024, 2) of linear modulations; None where no line stands out."""
    power = np.square(iq, dtype=np.float64).sum(2)
    spectrum = (np.abs(np.fft.rfft(power - power.mean(1, keepdims=True), axis=1)) ** 2).sum(0)
    floor = np.maximum(median_filter(spectrum, _AROUND), 1e-6 * spectrum.max())
    clear = (spectrum / floor)[_LOWEST_BIN:]
    strongest = int(clear.argmax())
    return FRAME_LENGTH / (strongest + _LOWEST_BIN) if clear[strongest] >= _CLEAR else None


def check_symbol_rate(data: Path) -> None:
    """Raise RadioMLError for a RadioML file whose training frames have another number of samples a symbol than 8.

    The check looks at phase-shift keying at high SNR. A file without such frames, or whose frames have no clear line,
    passes.
    """
    iq = frames_of_psk(data)
    found = samples_a_symbol(iq) if len(iq) else None
    if found is not None and abs(FRAME_LENGTH / found - FRAME_LENGTH / PHASES) > _TOLERANCE:
        raise RadioMLError(
            f"{data}: its frames have {found:.3g} samples a symbol; symbol_statistics is made for {PHASES}. "
            f"Resample them by {PHASES / found:.3g}, or train another topology, for example polyphase"
        )
