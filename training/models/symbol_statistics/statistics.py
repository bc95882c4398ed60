"""The statistics of a frame by name: formula, range, width and cost of each.

A statistic of a phase is a number for each of the 8 phases of a symbol, a mean over the frame's 128 symbols; that of a
power z^k is one for every other phase. `mean.NAME`, `max.NAME` and `min.NAME` are the mean, maximum and minimum over
the phases. Other statistics are of the whole frame. z is the filtered and equalised signal, p = |z|^2 its power, x the
signal as it came, d the means of 8 samples of x. A frame's root mean square is 1.

The official cost function bills none of them. `filters` are the fixed sums with signs or weights that a statistic
needs, which the conservative score bills.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from radioml.errors import RadioMLError
from radioml.suggest import did_you_mean
from training.models.symbol_statistics.operations import (
    adjacent_differences,
    mean,
    mean_of_rows_and_a_zero,
    overlapping,
    requantised,
    square,
)  # fmt: skip
from training.models.symbol_statistics.signals import (
    AMPLITUDES,
    PHASES,
    RAMPS,
    SYMBOLS,
    TONES,
    Signals,
    magnitude,
    rounded_means,
)  # fmt: skip

SUMMARIES = ("mean", "max", "min")
POWERS, BLOCKS = (2, 4, 8, 16), (16, 32, 64)
_MEAN_ONE = 1 << 16
"""The value 1 of the power of a mean: means are in quarters of the step 1/64."""
_POWER_ONE = 1 << 12
"""The value 1 of the power of an integer in steps of 1/64."""
_THRESHOLDS = (0.25, 0.5, 1.0, 1.5, 2.0)
_FREQUENCIES = {"0": "0", "+": "fs/32", "/": "fs/16", "-": "-fs/32"}
_Values = Callable[[Signals], torch.Tensor]


@dataclass(frozen=True)
class Statistic:
    """One statistic, a multiple of `unit`.

    formula: in words and symbols. one: the value that stands for 1 of the formula. unit: a power of two. high: no value
    is above; the lowest is -high if `signed`, else 0. phases: how many numbers there are, 1 for the whole frame.
    filters: see the module. compute: signals -> (N, 1, 1, phases).
    """

    name: str
    formula: str
    one: float
    unit: float
    high: float
    phases: int
    compute: _Values
    filters: tuple[str, ...] = ()
    signed: bool = False

    @property
    def bits(self) -> int:
        """Width of the integer."""
        return int(self.high / self.unit).bit_length() + self.signed

    @property
    def documentation(self) -> str:
        """One line: name, formula, range, width and cost."""
        low = -self.high / self.one if self.signed else 0
        filters = ", ".join(self.filters) or "none"
        return f"{self.name}: {self.formula}; {low:g} to {self.high / self.one:g}, {self.bits} bits; filters: {filters}"


def _clipped(of: Statistic, gain: int, suffix: str) -> Statistic:
    """`gain` times a statistic, at most 1."""
    limit = of.one / gain
    return Statistic(
        of.name + suffix, f"{gain} x ({of.formula}), at most 1", limit, of.unit, limit, of.phases,
        lambda signals: of.compute(signals).clamp(max=limit), of.filters,
    )  # fmt: skip


def _histogram() -> Iterator[Statistic]:
    """Soft histogram of the power: ramps and their differences."""

    def ramp(k: int) -> _Values:
        return lambda signals: signals.ramp(k)

    def difference(k: int, other: int) -> _Values:
        return lambda signals: signals.ramp(k) - signals.ramp(other)

    names = [f"{amplitude:.1f}" for amplitude in AMPLITUDES]
    units = [lowest_bit(slope) / SYMBOLS for _, slope in RAMPS]
    for k, unit in enumerate(units):
        formula = f"mean of a ramp of p from 0 at {names[k]}^2 to 1 near {names[k + 1]}^2"
        yield Statistic(f"h{names[k]}", formula, 255, unit, 255, PHASES, ramp(k), ("equaliser",))
    for kind, step in (("b", 1), ("w", 2)):
        for k in range(len(RAMPS) - step):
            name, formula = f"{kind}{names[k]}", f"h{names[k]} - h{names[k + step]}"
            yield Statistic(
                name, formula, 255, min(units[k], units[k + step]), 255, PHASES, difference(k, k + step),
                ("equaliser", name), signed=True,
            )  # fmt: skip


def lowest_bit(value: float) -> float:
    """The largest power of two, at most 1, of which a dyadic number is a multiple."""
    unit = 1.0
    while value % unit:
        unit /= 2
    return unit


def _per_phase() -> Iterator[Statistic]:
    yield Statistic("p", "mean of p", 256, 1 / SYMBOLS, 2047, PHASES, lambda s: mean(s.power, SYMBOLS), ("equaliser",))
    yield Statistic(
        "pp", "mean of p^2 / 4", 32, 1 / SYMBOLS, 255, PHASES, lambda s: mean(s.power_squared, SYMBOLS), ("equaliser",)
    )
    yield from _histogram()


def _powers() -> Iterator[Statistic]:
    """Powers of the means of z^k: large where a constellation has the symmetry of k points on a circle."""

    def of_frame(exponent: int) -> _Values:
        return lambda s: magnitude(rounded_means(s.power_of(exponent), lambda x: mean(x, SYMBOLS), 1 / SYMBOLS))

    def of_blocks(exponent: int, rows: int) -> _Values:
        def compute(signals: Signals) -> torch.Tensor:
            means = rounded_means(signals.power_of(exponent), lambda x: overlapping(x, rows), 1 / rows)
            return mean_of_rows_and_a_zero(magnitude(means))

        return compute

    for exponent in POWERS:
        filters = ("equaliser", *(f"z{e}" for e in POWERS if e <= exponent))
        name, high = f"z{exponent}", 8 * _MEAN_ONE
        of = [
            Statistic(name, f"|mean of z^{exponent}|^2", _MEAN_ONE, 1, high, PHASES // 2, of_frame(exponent), filters)
        ]
        for rows in BLOCKS:
            blocks = 2 * SYMBOLS // rows
            formula = f"sum of |mean of z^{exponent} in {rows} symbols|^2 over {blocks - 1} blocks / {blocks}"
            compute = of_blocks(exponent, rows)
            of.append(Statistic(f"{name}_{rows}", formula, _MEAN_ONE, 1 / blocks, high, PHASES // 2, compute, filters))
        for statistic in of:
            yield statistic
            yield from (_clipped(statistic, gain, f"x{gain}") for gain in (8, 64))


def _of_the_samples() -> Iterator[Statistic]:
    """Power of the signal as it came."""

    def above(threshold: float) -> _Values:
        return lambda s: mean((s.raw_power - threshold * 128).clamp(0, 64), 1, 1024)

    yield Statistic("x.p", "mean of |x|^2", 128, 1 / 1024, 1023, 1, lambda s: mean(s.raw_power, 1, 1024))
    yield Statistic(
        "x.pp", "mean of |x|^4 / 4", 32, 1 / 1024, 255, 1,
        lambda s: mean(requantised(square(s.raw_power), 1, 2048, 8, signed=False), 1, 1024),
    )  # fmt: skip
    for threshold in _THRESHOLDS:
        formula = f"mean of a ramp of |x|^2 from 0 at {threshold:g} to 1 at {threshold + 0.5:g}"
        yield Statistic(f"x.above{threshold:g}", formula, 64, 1 / 1024, 64, 1, above(threshold))


def _of_the_decimated() -> Iterator[Statistic]:
    """Constant of the signal, and the carriers of analogue modulations."""
    constant = Statistic(
        "dc", "|mean of d|^2", _MEAN_ONE, 1, 8 * _MEAN_ONE, 1,
        lambda s: magnitude(rounded_means(s.decimated, lambda x: mean(x, 32, 4), 1 / SYMBOLS)),
    )  # fmt: skip
    blocks = Statistic(
        "dc_32", "sum of |mean of d in 32 samples|^2 over 7 blocks / 8", _MEAN_ONE, 1 / 8, 8 * _MEAN_ONE, 1,
        lambda s: mean_of_rows_and_a_zero(
            magnitude(rounded_means(s.decimated, lambda x: mean(overlapping(x, 8), 1, 4), 1 / 32))
        ),
    )  # fmt: skip
    for statistic in (constant, blocks):
        yield from (statistic, _clipped(statistic, 64, "x64"))
    for of_square in (False, True):
        for frequency in TONES:
            yield from _tone(of_square, frequency)


def _tone(of_square: bool, frequency: str) -> Iterator[Statistic]:
    """One frequency of 4-point transforms y of blocks of 4 samples of d, or of d^2."""
    name = ("T" if of_square else "t") + frequency
    source = "d^2" if of_square else "d"
    y = f"y at {_FREQUENCIES[frequency]} of {source}"
    filters = (*(["d2"] if of_square else []), *([name] if frequency != "0" else []))

    def powers(s: Signals) -> torch.Tensor:
        return magnitude(s.tone(of_square, frequency))

    def coherent(s: Signals) -> torch.Tensor:
        return magnitude(rounded_means(s.tone(of_square, frequency), lambda v: mean(v, 32), 1 / 32))

    def changes(s: Signals) -> torch.Tensor:
        real, imaginary = (adjacent_differences(v.reshape(-1, 1, 16, 2)) for v in s.tone(of_square, frequency))
        return mean(mean_of_rows_and_a_zero(magnitude((real, imaginary))), 1, 2)

    def squares(s: Signals) -> torch.Tensor:
        return mean(requantised(square(requantised(powers(s), 1, 16, 11, signed=False)), 1, 1024, 8, signed=False), 32)

    def blocks(s: Signals) -> torch.Tensor:
        return mean_of_rows_and_a_zero(
            magnitude(rounded_means(s.tone(of_square, frequency), lambda v: overlapping(v, 8), 1 / 8))
        )

    gain = 16 if of_square else 64
    high = 8 * _MEAN_ONE
    power = Statistic(
        f"{name}.p", f"mean of |y|^2, {y}", _POWER_ONE, 1 / 32, 8 * _POWER_ONE, 1,
        lambda s: mean(powers(s), 32), filters,
    )  # fmt: skip
    mean_power = Statistic(f"{name}.m", f"|mean of y|^2, {y}", _MEAN_ONE, 1, high, 1, coherent, filters)
    change = Statistic(
        f"{name}.d", f"sum of |y(n) - y(n - 2)|^2 / 32, {y}", _POWER_ONE, 1 / 32, 32 * _POWER_ONE, 1, changes,
        (*filters, f"{name}.d"),
    )  # fmt: skip
    in_blocks = Statistic(
        f"{name}.m_8", f"sum of |mean of y in 8|^2 over 7 blocks / 8, {y}", _MEAN_ONE, 1 / 8, high, 1, blocks, filters
    )
    for statistic, factor in ((power, 16), (mean_power, gain), (change, 32), (in_blocks, gain)):
        yield from (statistic, _clipped(statistic, factor, f"x{factor}"))
    yield Statistic(f"{name}.pp", f"mean of |y|^4, {y}", 64, 1 / 32, 255, 1, squares, filters)


STATISTICS: dict[str, Statistic] = {
    s.name: s for s in (*_per_phase(), *_powers(), *_of_the_samples(), *_of_the_decimated())
}
"""All statistics without summaries."""
PHASE_NAMES = tuple(s.name for s in STATISTICS.values() if s.phases == PHASES)
"""Names of the statistics of a phase."""
FRAME_NAMES = tuple(s.name for s in STATISTICS.values() if s.phases == 1)
WHOLE_NAMES = (
    *FRAME_NAMES, *(f"{summary}.{s.name}" for summary in SUMMARIES for s in STATISTICS.values() if s.phases > 1)
)  # fmt: skip
"""Names of all statistics of the whole frame, summaries included."""


def chosen(patterns: Sequence[str], known: Sequence[str], what: str) -> tuple[str, ...]:
    """Those of the known names that are named, or that a pattern such as `max.h*` fits, in their own order.

    Raises RadioMLError for a name or pattern that fits none.
    """
    for pattern in patterns:
        if not fnmatch.filter(known, pattern):
            hint = did_you_mean(pattern, known)
            raise RadioMLError(f"unknown {what} {pattern!r}{hint} `radioml models statistics` lists them")
    return tuple(name for name in known if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns))
