"""Augmentation: other frames that could have been received with the same modulation, made anew in every epoch.

What keeps the label, and why:

- rotation: the carrier phase is random in every frame of the data set and of the generator, so a rotated frame is as
  likely as the frame itself. L. Huang et al., "Data Augmentation for Deep Learning-Based Radio Modulation
  Classification", IEEE Access 8, 2020 (doi 10.1109/ACCESS.2019.2960775), compared rotation, flips and noise: rotation
  helped most, noise least.
- conjugation (spectrum inversion, one of Huang's flips): constellations here are symmetric about the real axis, and
  AM-DSB is real apart from its phase. Left out are AM-SSB, whose sideband would become the other one, and FM and GMSK,
  which lie beside 0 Hz in this data set, always on the same side.
- reversal, conj(s(-t)): every frequency stays where it is; symbols, audio and noise are as likely backwards, and
  pulses are symmetric. All classes.
- time shift, circular: symbol timing is random, and 1024 samples are whole symbols (8 or 16 samples) and whole periods
  of the analogue carriers (32 samples), so what is wrong at the seam is no longer than one pulse.
- noise: the modulation is the label, the SNR is not; a frame's variance is put back to 1, as all frames have it. Past
  what a dense constellation bears its label is only a guess: keep it small.
- gain: prepares for receivers that are less well levelled than this data set, where all frames have variance 1.
  Networks use that: the one trained on the real set (see below) went from 89 % to 73 % on 960 synthetic frames at 6 to
  30 dB with gains of up to 1 dB, so this costs accuracy here.

Frames arrive as the integers of the network's input quantiser and are quantised by it again. Rotation by quarter turns,
conjugation, reversal and time shift give exactly the integers which the received frame, so changed, would have given
(except one step at the limits: -128 becomes 127, and 127 becomes -127). Other rotations, gain and noise round a second
time, and what was clipped at the limits stays clipped. AM-SSB, whose mean is far outside them, is therefore turned by
quarters only: at other angles the VGG10 that others trained on the real set took most AM-SSB-WC for AM-SSB-SC, while
all else but gain and noise left its answers as good as they were (`test_techniques.py`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from radioml.constants import CLASSES
from training.section import Section

if TYPE_CHECKING:
    import torch

CONJUGATED_IS_ANOTHER = ("AM-SSB-WC", "AM-SSB-SC", "FM", "GMSK")
CLIPPED = ("AM-SSB-WC", "AM-SSB-SC")


class Augmentation(Section):
    """What is done to training frames, each thing with random parameters for every frame and epoch.

    rotation: by a random number of quarter turns, which is exact on the input integers, or by any angle (but AM-SSB).
    conjugation: of every other frame of the classes that allow it. reversal: of every other frame.
    time_shift: circular, by 0 to 1023 samples. gain_db: by up to so many dB, up or down.
    noise: white, of a standard deviation from 0 to this, relative to a frame's own.
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
    """Frames float32 (B, 2, 1024) -> frames of the same shape, not quantised yet.

    class_index, position: of each frame, int64 (B,). What happens to a frame depends on seed, epoch and its position in
    the file alone: not on the batch it comes in, on the process, or on whether the run was interrupted.
    """
    import torch

    length = iq.shape[2]
    turn, flip, reverse, shift, gain, deviation = _uniform(position, 6, seed, epoch).unbind(1)
    i, q = iq.unbind(1)
    # One sign for Q, since conjugation and reversal both conjugate.
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
        # The table has the cosines of quarter turns exactly.
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
    """Which frames are of these classes, bool (B,)."""
    import torch

    return torch.tensor([name in names for name in CLASSES], device=class_index.device)[class_index]


def _noise(position: torch.Tensor, length: int, seed: int, epoch: int) -> torch.Tensor:
    """White complex Gaussian noise of standard deviation 1, float32 (B, 2, length), by Box and Muller."""
    import torch

    radius, angle = (1 - _uniform(position, 2 * length, seed, epoch, first=16)).chunk(2, 1)
    radius, angle = torch.sqrt(-torch.log(radius)), 2 * math.pi * angle
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1)


def _uniform(position: torch.Tensor, count: int, seed: int, epoch: int, first: int = 0) -> torch.Tensor:
    """Numbers in [0, 1), float32 (B, count), that are a hash of their number (from `first` on), position, epoch, seed.

    The finaliser of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014)
    after each of them. A generator with a state would make a frame depend on those drawn before it.
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
    """To the right, with zeros from the left: integers here are signed, and torch's shift repeats the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _signed(x: int) -> int:
    return x - (1 << 64) if x >> 63 else x
