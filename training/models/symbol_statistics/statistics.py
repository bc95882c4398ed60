"""The statistics of a frame by name: formula, range, width and cost of each.

A statistic of a phase is a number for each of the 8 phases of a symbol, a mean over the frame's 128 symbols; that of a
power z^k is one for every other phase, or with a capital Z for all. `mean.NAME`, `max.NAME` and `min.NAME` are the
mean, maximum and minimum over the phases. Other statistics are of the whole frame. z is the filtered and equalised
signal, p = |z|^2 its power, x the signal as it came, d the means of 8 samples of x. A frame's root mean square is 1.

The official cost function bills none of them. `filters` are the fixed sums with signs or weights that a statistic
needs, which the conservative score bills.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence

import torch

from radioml.constants import FRAME_LENGTH
from radioml.errors import RadioMLError
from radioml.suggest import did_you_mean
from training.models.symbol_statistics.operations import (
    adjacent_differences,
    doubled_square,
    mean,
    mean_power,
    power,
    requantised,
)  # fmt: skip
from training.models.symbol_statistics.signals import (
    AMPLITUDES,
    PHASES,
    POWER_STEP,
    RAMPS,
    STEP,
    SYMBOLS,
    TONES,
    Signals,
    scale,
)  # fmt: skip
from training.models.symbol_statistics.statistic import Statistic, Values, power_of_mean, with_clipped

SUMMARIES = ("mean", "max", "min")
POWERS = (2, 4, 8, 16)
_THRESHOLDS = (0.25, 0.5, 1.0, 1.5, 2.0)
_FREQUENCIES = {"0": "0", "+": "fs/32", "/": "fs/16", "-": "-fs/32"}


def lowest_bit(value: float) -> float:
    """The largest power of two, at most 1, of which a dyadic number is a multiple."""
    unit = 1.0
    while value % unit:
        unit /= 2
    return unit


def _per_phase() -> Iterator[Statistic]:
    """Moments and soft histogram of the power."""
    needs = ("equaliser",)
    unit = POWER_STEP / SYMBOLS
    yield Statistic("p", "mean of p", 1, unit, 2047 * POWER_STEP, PHASES, lambda s: mean(s.power, SYMBOLS), needs)
    yield Statistic("pp", "mean of p^2", 2, 1 / 4 / SYMBOLS, 255 / 4, PHASES, _squared_power, needs)
    names = [f"{amplitude:.1f}" for amplitude in AMPLITUDES]
    for k, ramp in enumerate(RAMPS):
        formula = f"mean of a ramp of p from 0 at {names[k]}^2 to 1 near {names[k + 1]}^2"
        yield Statistic(f"h{names[k]}", formula, ramp.height, unit, ramp.height, PHASES, _ramp(k), needs)
    for kind, step in (("b", 1), ("w", 2)):
        for k in range(len(RAMPS) - step):
            name, pair = f"{kind}{names[k]}", (RAMPS[k], RAMPS[k + step])
            yield Statistic(
                name, f"h{names[k]} - h{names[k + step]}", 1, unit * min(lowest_bit(ramp.slope) for ramp in pair),
                max(ramp.height * ramp.slope for ramp in pair), PHASES, _difference(k, k + step),
                (*needs, name), signed=True, mean=_difference_of_means(k, k + step),
            )  # fmt: skip


def _squared_power(signals: Signals) -> torch.Tensor:
    return mean(requantised(doubled_square(signals.power), 2 * POWER_STEP**2, 1 / 4, 8, signed=False), SYMBOLS)


def _ramp(k: int) -> Values:
    return lambda signals: signals.ramp(k)


def _difference(k: int, other: int) -> Values:
    return lambda signals: signals.ramp(k) * RAMPS[k].slope - signals.ramp(other) * RAMPS[other].slope


def _difference_of_means(k: int, other: int) -> Values:
    return lambda signals: signals.mean_ramp(k) * RAMPS[k].slope - signals.mean_ramp(other) * RAMPS[other].slope


def _powers(letter: str, phases: int, blocks: Sequence[int]) -> Iterator[Statistic]:
    """Powers of the means of z^k: large where a constellation has the symmetry of k points on a circle.

    letter: of the names. blocks: symbols in a mean.
    """

    def signal(exponent: int) -> Values:
        return lambda signals: signals.power_of(exponent, phases)

    for exponent in POWERS:
        filters = ("equaliser", *(f"{letter}{e}" for e in POWERS if e <= exponent))
        for block in blocks:
            name = f"{letter}{exponent}" if block == SYMBOLS else f"{letter}{exponent}_{block}"
            what = f"z^{exponent}"
            yield from with_clipped(
                power_of_mean(name, what, signal(exponent), exponent, SYMBOLS, phases, block, phases, filters), 8, 64
            )


def _of_the_samples() -> Iterator[Statistic]:
    """Power of the signal as it came."""
    step = 2 * POWER_STEP

    def above(threshold: float) -> Values:
        return lambda s: mean((s.raw_power - threshold).clamp(0, 0.5), 1, FRAME_LENGTH)

    def squares(s: Signals) -> torch.Tensor:
        return mean(requantised(doubled_square(s.raw_power), 2 * step**2, 1 / 4, 8, signed=False), 1, FRAME_LENGTH)

    power, most = "mean of |x|^2", (2**10 - 1) * step
    yield Statistic("x.p", power, 1, step / FRAME_LENGTH, most, 1, lambda s: mean(s.raw_power, 1, FRAME_LENGTH))
    yield Statistic("x.pp", "mean of |x|^4", 2, 1 / 4096, 255 / 4, 1, squares)
    for threshold in _THRESHOLDS:
        formula = f"mean of a ramp of |x|^2 from 0 at {threshold:g} to 1 at {threshold + 0.5:g}"
        yield Statistic(f"x.above{threshold:g}", formula, 0.5, step / FRAME_LENGTH, 0.5, 1, above(threshold))


def _of_the_decimated() -> Iterator[Statistic]:
    """Constant of the signal, and the carriers of analogue modulations."""

    def signal(s: Signals) -> torch.Tensor:
        return s.decimated

    for name, block in (("dc", 32), ("dc_32", 8)):
        yield from with_clipped(power_of_mean(name, "d", signal, 1, 32, 4, block, 1, ()), 64)
    for of in (1, 2):
        for frequency in TONES:
            yield from _tone(of, frequency)


def _tone(of: int, frequency: str) -> Iterator[Statistic]:
    """One frequency of 4-point transforms y of blocks of 4 samples of d, or of d^2."""
    name = "tT"[of - 1] + frequency
    what = f"y at {_FREQUENCIES[frequency]} of {('d', 'd^2')[of - 1]}"
    filters = (*(["d2"] if of == 2 else []), *([name] if frequency != "0" else []))
    one, step = scale(of) ** 2, STEP * scale(of)

    def signal(s: Signals) -> torch.Tensor:
        return s.tone(of, frequency)

    def changes(s: Signals) -> torch.Tensor:
        return mean(mean_power(adjacent_differences(signal(s).reshape(-1, 2, 16, 2)), zeros=1), 1, 2)

    def squares(s: Signals) -> torch.Tensor:
        powers = requantised(power(signal(s)), step**2, one * POWER_STEP, 11, signed=False)
        return mean(requantised(doubled_square(powers), 2 * (one * POWER_STEP) ** 2, one**2 / 32, 8, signed=False), 32)

    gain = (64, 16)[of - 1]
    yield from with_clipped(
        Statistic(
            f"{name}.p", f"mean of |{what}|^2", one, step**2 / 32, 8 * one, 1, lambda s: mean_power(signal(s)), filters
        ), 16,
    )  # fmt: skip
    for suffix, block in (("m", 32), ("m_8", 8)):
        yield from with_clipped(power_of_mean(f"{name}.{suffix}", what, signal, of, 32, 1, block, 1, filters), gain)
    yield from with_clipped(
        Statistic(
            f"{name}.d", f"sum of |change from block to second next|^2 / 32, of {what}", one, step**2 / 32, 32 * one, 1,
            changes, (*filters, f"{name}.d"),
        ), 32,
    )  # fmt: skip
    yield Statistic(
        f"{name}.pp", f"mean of |{what}|^4", 2 * one**2, one**2 / 1024, 255 * one**2 / 32, 1, squares, filters
    )


STATISTICS: dict[str, Statistic] = {
    s.name: s
    for s in (
        *_per_phase(),
        *_powers("Z", PHASES, (SYMBOLS, 32)),
        *_powers("z", PHASES // 2, (SYMBOLS, 16, 32, 64)),
        *_of_the_samples(),
        *_of_the_decimated(),
    )
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


def documentation(pattern: str = "") -> list[str]:
    """A line for each statistic that a name or pattern fits; without one, for each that is no summary.

    Raises RadioMLError for a name or pattern that fits none.
    """
    if not pattern:
        return [statistic.documentation for statistic in STATISTICS.values()]
    every = (*(name for name in STATISTICS if name not in WHOLE_NAMES), *WHOLE_NAMES)
    lines = []
    for name in chosen([pattern], every, "statistic"):
        summary, _, of = name.partition(".")
        if summary in SUMMARIES:
            lines.append(f"{name}: {summary} over {STATISTICS[of].phases} phases of {STATISTICS[of].documentation}")
        else:
            lines.append(STATISTICS[name].documentation)
    return lines
