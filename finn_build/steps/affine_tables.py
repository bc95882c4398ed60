"""Thresholds of layers that read affine maps: the integer that a sum must reach for each level of the activation.

Behind a batch norm without a quantiser, channel c of a layer's input is slope_c x a_c + offset_c, with an integer a_c.

A depthwise convolution stays with its channel: the slope scales its sums, the offset adds a constant. Zero padding is
not the zero of these integers. Where the window reaches beyond the frame the offset is added fewer times, so the first
and the last pixels have thresholds of their own.

A dense layer adds channels of different slopes. Its weights times the slopes are real numbers, which are rounded to
integers in fixed point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finn_build.steps.affine_maps import Behind
from finn_build.steps.branch_factors import TIE
from finn_build.steps.split_sums import DEAD
from radioml.network.integer_nodes import attributes

SUM_BITS = 62
"""Bits of a sum in fixed point. 64-bit integers hold such a sum, and the difference of two such sums."""


@dataclass(frozen=True)
class Levels:
    """What a layer's sums must reach.

    table: int64 (sets, channels, levels).
    weights: int64 (outputs, inputs), or (channels, pixels of the kernel).
    low, high: bounds of the sums, int64 (channels,).
    first, last: number of output pixels at the start and the end of a frame that have a set each.
    doubt: a dense layer's sum that is farther than this from all thresholds has the level of exact real arithmetic.
    """

    table: np.ndarray
    weights: np.ndarray
    low: np.ndarray
    high: np.ndarray
    first: int = 0
    last: int = 0
    doubt: int = 0


@dataclass(frozen=True)
class Norm:
    """The batch norm in front of an activation: gamma / sigma, mean and beta, each float64 (channels,)."""

    slope: np.ndarray
    mean: np.ndarray
    beta: np.ndarray

    @property
    def sign(self) -> np.ndarray:
        """-1 for a channel with a negative slope, whose weights are negated; else 1."""
        return np.where(self.slope < 0, -1, 1)

    def reach(self, offsets: np.ndarray, factor: np.ndarray, steps: np.ndarray, scale: float) -> np.ndarray:
        """What a channel's sum times its sign must reach for each step, float64 (sets, channels, levels).

        The batch norm's input is factor x sum + offset; factors (channels,) are 0 or more, offsets (sets, channels).
        Where slope or factor is 0, either all sums reach a level or no sum does.
        """
        slope = np.where(np.abs(self.slope) < DEAD, 0, np.abs(self.slope)) * factor
        constant = self.slope * (offsets - self.mean) + self.beta
        missing = (steps - 0.5) * scale - constant[:, :, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            reached = missing / slope[:, None]
        never = (missing > 0) | ((missing == 0) & (steps % 2 == 1))  # Brevitas rounds a tie to the even level
        return np.where(slope[:, None] > 0, reached, np.where(never, np.inf, -np.inf))


def depthwise_levels(behind: Behind, norm: Norm, steps: np.ndarray, scale: float, pixels: int) -> Levels:
    """The levels of a depthwise convolution over `pixels` pixels.

    steps: the levels above the lowest, int64 (levels,). scale: value of one level.
    """
    source, kernel = behind.source, behind.weights
    inside, first, last = _inside(behind, pixels)
    offsets = behind.scale * source.offset * (inside @ kernel.T) + behind.bias  # (sets, channels)
    weights = kernel * norm.sign[:, None]
    ends = weights * source.low[:, None], weights * source.high[:, None], np.zeros_like(weights)  # 0 is padding
    low, high = np.minimum.reduce(ends).sum(1).astype(np.int64), np.maximum.reduce(ends).sum(1).astype(np.int64)
    real = norm.reach(offsets, source.slope * behind.scale, steps, scale)
    return Levels(_integers(real, steps, low, high), weights.astype(np.int64), low, high, first, last)


def dense_levels(behind: Behind, norm: Norm, steps: np.ndarray, scale: float) -> Levels:
    """The levels of a dense layer, in fixed point; arguments as of `depthwise_levels`.

    The weights have as many fractional bits as keep the sums within `SUM_BITS` bits. Rounding changes a weight by at
    most half a step, and a sum by at most half the sum of the inputs' magnitudes. The thresholds are computed in double
    precision.
    """
    source = behind.source
    weights = behind.weights * behind.scale[:, None] * source.slope * norm.sign[:, None]
    sizes = np.maximum(np.abs(source.low), np.abs(source.high)).astype(np.float64)
    unit = 2.0 ** (SUM_BITS - 2 - np.ceil(np.log2((np.abs(weights) @ sizes).max())))
    fixed = np.rint(weights * unit).astype(np.int64)
    ends = fixed * source.low, fixed * source.high
    low, high = np.minimum(*ends).sum(1), np.maximum(*ends).sum(1)
    offsets = (behind.scale * (behind.weights @ source.offset) + behind.bias)[None]
    real = norm.reach(offsets, np.full(len(fixed), 1 / unit), steps, scale)
    table = _integers(real, steps, low, high)
    rounding = np.abs(table).max() * 2.0**-50
    return Levels(table, fixed, low, high, doubt=int(np.ceil(sizes.sum() / 2 + rounding)))


def _integers(real: np.ndarray, steps: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The smallest integer that reaches each threshold, from the lowest sum to the first number above the highest."""
    bounded = np.clip(real, low[:, None] - 1.0, high[:, None] + 2.0)
    nearest = np.rint(bounded)
    table = np.where(np.abs(bounded - nearest) < TIE, nearest + steps % 2, np.ceil(bounded)).astype(np.int64)
    return np.clip(table, low[:, None], high[:, None] + 1)


def _inside(behind: Behind, pixels: int) -> tuple[np.ndarray, int, int]:
    """Whether pixels of the window lie in the frame, bool (sets, pixels of the window); and `Levels.first`, `last`."""
    given, taps = attributes(behind.layer), behind.weights.shape[1]
    step, gap = given.get("strides", [1])[0], given.get("dilations", [1])[0]
    before, after = given.get("pads", [0, 0])
    windows = (pixels + before + after - gap * (taps - 1) - 1) // step + 1
    at = np.arange(windows)[:, None] * step - before + np.arange(taps) * gap
    inside = (at >= 0) & (at < pixels)
    whole = np.flatnonzero(inside.all(1))
    if not len(whole):
        return inside, windows, 0
    first, last = int(whole[0]), windows - 1 - int(whole[-1])
    return np.delete(inside, np.arange(first + 1, windows - last), axis=0), first, last
