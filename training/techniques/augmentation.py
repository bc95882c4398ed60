"""Augmentation: in every epoch, training frames are changed in ways that leave the modulation the same.

- rotation: the carrier phase is random in every frame of the data set and of the generator, so a rotated frame is as
  likely as the frame itself. L. Huang et al., "Data Augmentation for Deep Learning-Based Radio Modulation
  Classification", IEEE Access 8, 2020 (doi 10.1109/ACCESS.2019.2960775), compared rotation, flips and noise: rotation
  helped most, noise least.
- conjugation (spectrum inversion, one of Huang's flips): the constellations are symmetric about the real axis, and
  AM-DSB is real apart from its phase. AM-SSB is left out, because its sideband would change sides; so are FM and GMSK,
  which lie on one side of 0 Hz in this data set.
- reversal, conj(s(-t)): frequencies stay the same; symbols, audio and noise are as likely backwards, and pulses are
  symmetric. All classes are reversed.
- time shift, circular: symbol timing is random. 1024 samples are whole symbols (8 or 16 samples) and whole periods of
  the analogue carriers (32 samples), so the seam disturbs at most one pulse.
- noise: the label is the modulation and not the SNR. The variance of the noisy frame is normalised to 1, as in all
  frames. A dense constellation cannot be recognised in strong noise, so the noise has to be weak.
- gain: prepares for receivers with other levels than this data set, where all frames have variance 1. Networks use the
  level, so this augmentation costs accuracy here: the VGG10 that others trained on the real set went from 89 % to 73 %
  on 960 synthetic frames at 6 to 30 dB with gains of up to 1 dB.

Augmented frames are integers of the network's input quantiser, and the network quantises them again. Quarter turns,
conjugation, reversal and time shift give exactly the integers of the changed received frame, except for one step at the
limits: -128 becomes 127, and 127 becomes -127. Other rotations, gain and noise round a second time, and clipped samples
stay clipped. AM-SSB is turned by quarters only, because its mean is far outside the quantiser's range: at other angles
that VGG10 took most AM-SSB-WC for AM-SSB-SC. The other augmentations except gain and noise left the VGG10's accuracy
unchanged (`test_techniques.py`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from radioml.constants import CLASSES
from training.techniques.section import Section

if TYPE_CHECKING:
    import torch

CONJUGATED_IS_ANOTHER = ("AM-SSB-WC", "AM-SSB-SC", "FM", "GMSK")
CLIPPED = ("AM-SSB-WC", "AM-SSB-SC")


class Augmentation(Section):
    """The augmentations of training frames; their parameters are drawn for every frame and epoch.

    rotation: quarter_turns, which are exact on the input integers; or any: by any angle, AM-SSB by quarter turns.
    conjugation: of half of the frames of the classes that allow it.
    reversal: of half of the frames.
    time_shift: circular, by 0 to 1023 samples.
    gain_db: largest gain or loss in dB.
    noise: largest standard deviation of the white noise, relative to the frame's own.
    """

    rotation: Literal["none", "quarter_turns", "any"] = "none"
    conjugation: bool = False
    reversal: bool = False
    time_shift: bool = False
    gain_db: float = Field(default=0.0, ge=0, le=20)
    noise: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _does_something(self) -> Augmentation:
        if self == Augmentation.model_construct():
            raise ValueError("nothing is switched on; name something, such as rotation: any, or leave the section out")
        return self


def augment(
    settings: Augmentation, iq: torch.Tensor, class_index: torch.Tensor, position: torch.Tensor, seed: int, epoch: int
) -> torch.Tensor:
    """Change the frames of a batch.

    The change of a frame depends on seed, epoch and position alone: batch, process and interruptions have no influence.

    Args:
        settings: the augmentations.
        iq: frames float32 (B, 2, 1024).
        class_index, position: class and position in the file of each frame, int64 (B,).
        seed, epoch: of the run.

    Returns:
        Frames float32 (B, 2, 1024), not yet quantised.
    """
    import torch

    length = iq.shape[2]
    turn, flip, reverse, shift, gain, deviation = _uniform(position, 6, seed, epoch).unbind(1)
    i, q = iq.unbind(1)
    # Conjugation and reversal both change the sign of Q.
    sign = torch.ones_like(turn)
    time = torch.arange(length, device=iq.device).expand(len(iq), -1)
    if settings.conjugation:
        sign = torch.where((flip < 0.5) & ~_among(CONJUGATED_IS_ANOTHER, class_index), -sign, sign)
    if settings.reversal:
        backwards = reverse < 0.5
        sign = torch.where(backwards, -sign, sign)
        time = torch.where(backwards[:, None], length - 1 - time, time)
    if settings.time_shift:
        time = (time + (shift * length).long()[:, None]) % length
    if settings.reversal or settings.time_shift:
        i, q = i.gather(1, time), q.gather(1, time)
    q = q * sign[:, None]
    if settings.rotation != "none":
        # Cosines of quarter turns from a table are exact.
        table, quarter = torch.tensor([1.0, 0.0, -1.0, 0.0], device=iq.device), (turn * 4).long()
        cosine, sine = table[quarter], table[quarter - 1]
        if settings.rotation == "any":
            angle, clipped = 2 * math.pi * turn, _among(CLIPPED, class_index)
            cosine = torch.where(clipped, cosine, torch.cos(angle))
            sine = torch.where(clipped, sine, torch.sin(angle))
        cosine, sine = cosine[:, None], sine[:, None]
        i, q = i * cosine - q * sine, i * sine + q * cosine
    iq = torch.stack([i, q], 1)
    if settings.noise:
        deviation = settings.noise * deviation[:, None, None]
        iq = (iq + deviation * _noise(position, length, seed, epoch)) / torch.sqrt(1 + deviation**2)
    if settings.gain_db:
        iq = iq * 10 ** (settings.gain_db * (2 * gain - 1) / 20)[:, None, None]
    return iq


def _among(names: tuple[str, ...], class_index: torch.Tensor) -> torch.Tensor:
    """Whether each frame is of one of these classes, bool (B,)."""
    import torch

    return torch.tensor([name in names for name in CLASSES], device=class_index.device)[class_index]


def _noise(position: torch.Tensor, length: int, seed: int, epoch: int) -> torch.Tensor:
    """White complex Gaussian noise of standard deviation 1, float32 (B, 2, length), by Box and Muller."""
    import torch

    radius, angle = (1 - _uniform(position, 2 * length, seed, epoch, first=16)).chunk(2, 1)
    radius, angle = torch.sqrt(-torch.log(radius)), 2 * math.pi * angle
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1)


def _uniform(position: torch.Tensor, count: int, seed: int, epoch: int, first: int = 0) -> torch.Tensor:
    """Pseudorandom numbers in [0, 1), float32 (B, count): hashes of seed, epoch, position and number (from `first`).

    The hash is the finaliser of SplitMix64 after each value (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom
    Number Generators", 2014). A generator with a state would make a frame depend on the frames before it.
    """
    import torch

    key = torch.tensor(seed, dtype=torch.int64, device=position.device)
    number = torch.arange(first, first + count, device=position.device)
    for value in (torch.full_like(key, epoch), position[:, None], number):
        key = _mixed((key ^ value) + _signed(0x9E3779B97F4A7C15))
    return _shifted(key, 40).to(torch.float32) * 2.0**-24


def _mixed(x: torch.Tensor) -> torch.Tensor:
    x = (x ^ _shifted(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shifted(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _shifted(x, 31)


def _shifted(x: torch.Tensor, bits: int) -> torch.Tensor:
    """Logical shift to the right. torch's shift of signed integers is arithmetic: it repeats the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _signed(x: int) -> int:
    return x - (1 << 64) if x >> 63 else x
