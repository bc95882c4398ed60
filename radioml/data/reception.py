"""Applies conditions of reception to synthetic frames: clock drift, carrier frequency offset, echo, DC and gain."""

from __future__ import annotations

import numpy as np

from radioml.data.conditions import Conditions

MARGIN = 16
"""Samples of the noise-free signal on each side of a frame that `received` reads where conditions are not nominal."""
_LATEST_ECHO = 8
_CUT = 3.0  # standard deviations at which carrier frequency offsets are clipped


class Reception:
    """What is random in the reception of `count` frames under some conditions."""

    def __init__(self, rng: np.random.Generator, count: int, conditions: Conditions) -> None:
        def amount(value: float, spread: np.ndarray) -> np.ndarray:
            return value * (rng.choice([-1.0, 1.0], (count, 1)) if conditions.exact else spread)

        def phasor(amplitude: float) -> np.ndarray:
            value = rng.uniform(0, amplitude, (count, 1)) * np.exp(2j * np.pi * rng.random((count, 1)))
            return value.astype(np.complex64)

        self.conditions = conditions
        self.drift = amount(conditions.drift, rng.uniform(-1, 1, (count, 1)))
        self.offset = amount(conditions.offset, np.clip(rng.standard_normal((count, 1)), -_CUT, _CUT))
        self.gain = 10 ** (amount(conditions.gain_db, rng.uniform(-1, 1, (count, 1))) / 20)
        self.dc, self.echo = phasor(conditions.dc), phasor(conditions.echo)
        self.delay = rng.integers(1, _LATEST_ECHO + 1, (count, 1))

    def propagated(self, signal: np.ndarray, part: slice) -> np.ndarray:
        """Apply echo and drift to noise-free frames, complex64 (N, 1024 + 2 MARGIN) -> (N, 1024); part: which these
        are.

        The drift is applied before the noise, by cubic interpolation through four samples. Interpolated noise is no
        longer white, which alone costs a classifier almost a point of accuracy.
        """
        rows, length = signal.shape
        place = np.arange(length)
        late = np.take_along_axis(signal, np.maximum(place - self.delay[part], 0), axis=1)
        signal = signal + self.echo[part] * late
        time = np.arange(length - 2 * MARGIN)
        at = MARGIN + time + self.drift[part] * (time / len(time) - 0.5)
        before = at.astype(np.int64)
        u = (at - before).astype(np.float32)
        flat, index = signal.ravel(), before + length * np.arange(rows)[:, None]
        weights = (
            -u * (u - 1) * (u - 2) / 6, (u + 1) * (u - 1) * (u - 2) / 2,
            -(u + 1) * u * (u - 2) / 2, (u + 1) * u * (u - 1) / 6,
        )  # fmt: skip
        moved = sum(weight * flat[index + k] for k, weight in enumerate(weights, start=-1))
        return moved.astype(np.complex64)

    def level(self, frames: np.ndarray) -> np.ndarray:
        """Normalised frames float32 (N, 1024, 2) -> with DC and gain, of all frames."""
        constant = np.ascontiguousarray(self.dc).view(np.float32)[:, None, :]
        return ((frames + constant) * self.gain[:, :, None]).astype(np.float32)
