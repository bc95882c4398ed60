"""How synthetic frames may deviate from the calibrated ones: named presets of clocks, carriers, levels and pulses.

The calibrated frames are those of one transmitter and one receiver. A network that is trained on them alone may rely on
properties that another receiver changes, such as the exact level. The presets say what is varied and by how much.
"""

from __future__ import annotations

from dataclasses import dataclass

from radioml.errors import RadioMLError
from radioml.suggest import did_you_mean


@dataclass(frozen=True)
class Conditions:
    """Deviations from the calibrated frames, drawn for each frame.

    drift: samples by which the symbol clock leads or lags over one frame, uniform up to this; at most 8.
    offset: carrier frequency offset beside the calibrated one: standard deviation, cycles a sample, of a normal
    distribution that is clipped at three of them.
    gain_db: gain after the normalisation, uniform up to this many dB up or down.
    exact: drift, offset and gain have exactly these amounts, of random sign, to measure the cost of each.
    roll_off: range of the pulses' roll-off instead of the calibrated one.
    spread: radii of the rings of APSK and depths of AM are multiplied by 1 +- up to this.
    dc: DC offset after the normalisation, of amplitude uniform up to this (a frame's deviation is 1), any phase.
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
        """Whether a frame depends on samples of the signal outside of it."""
        return bool(self.drift or self.echo)


CALIBRATED = Conditions()
NOMINAL = "nominal"
PRESETS: dict[str, Conditions] = {
    NOMINAL: CALIBRATED,
    "impaired": Conditions(drift=1, offset=8e-5, gain_db=1),
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
