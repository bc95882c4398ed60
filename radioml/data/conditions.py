"""How synthetic frames may deviate from the calibrated ones: named presets of clocks, carriers, levels and pulses.

The calibrated frames are those of one transmitter and one receiver. A network that is trained on them alone may rely on
what another receiver does not keep, such as the exact level. The presets say what is varied and by how much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radioml.errors import RadioMLError
from radioml.suggest import did_you_mean

MARGIN = 16
"""Samples of the noise-free signal on each side of a frame that `received` reads where conditions are not nominal."""
_LATEST_ECHO = 8
_CUT = 3.0  # standard deviations at which the normal distribution of carrier offsets ends


@dataclass(frozen=True)
class Conditions:
    """Deviations from the calibrated frames, drawn for each frame.

    drift: samples by which the symbol clock leads or lags over one frame, uniform up to this; at most 8.
    offset: standard deviation, cycles a sample, of a normal carrier offset beside the calibrated one, cut at three.
    gain_db: gain behind the normalisation, uniform up to so many dB up or down.
    exact: drift, offset and gain have exactly these amounts, of random sign: for measuring what each of them costs.
    roll_off: range of the pulses' roll-off in the place of the calibrated one.
    spread: radii of the rings of APSK and depths of AM are multiplied by 1 +- up to this.
    dc: constant behind the normalisation, of amplitude uniform up to this (a frame's deviation is 1), any phase.
    echo: one echo of amplitude uniform up to this, any phase, 1 to 8 samples late.
    """

    drift: float = 0.0
    offset: float = 0.0
    gain_db: float = 0.0
    exact: bool = False
    roll_off: tuple[float, float] | None = None
    spread: float = 0.0
    dc: float = 0.0
    echo: float = 0.0

    @property
    def moves_samples(self) -> bool:
        """Does a frame depend on samples of the signal outside of it?"""
        return bool(self.drift or self.echo)


CALIBRATED = Conditions()
NOMINAL = "nominal"
PRESETS: dict[str, Conditions] = {
    NOMINAL: CALIBRATED,
    "impaired": Conditions(drift=1, offset=5e-5, gain_db=1),
    "widened": Conditions(
        drift=1, offset=5e-5, gain_db=1, roll_off=(0.25, 0.6), spread=0.1, dc=0.05, echo=0.15
    ),
    "drift_1": Conditions(drift=1, exact=True),
    "drift_3": Conditions(drift=3, exact=True),
    "offset_1e-4": Conditions(offset=1e-4, exact=True),
    "gain_0.5db": Conditions(gain_db=0.5, exact=True),
}  # fmt: skip
"""By the name that `radioml data synth --preset` takes; those after `widened` are for measuring tolerance."""


def preset(name: str) -> Conditions:
    """The conditions of this name; raises RadioMLError for an unknown one."""
    if name not in PRESETS:
        hint = did_you_mean(name, PRESETS)
        raise RadioMLError(f"unknown preset {name!r} of the generator{hint} There are: {', '.join(PRESETS)}")
    return PRESETS[name]


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
        """Put echo and drift on noise-free frames, complex64 (N, 1024 + 2 MARGIN) -> (N, 1024); part: which these are.

        The drift is put on before the noise, by interpolation with a cubic through four samples: noise that is
        interpolated is no longer white, and that alone costs a classifier almost a point of accuracy.
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
