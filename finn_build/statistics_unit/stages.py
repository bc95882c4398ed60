"""How an operation is pipelined: the adders and registers between its sources and its wire."""

from __future__ import annotations

from dataclasses import dataclass

from finn_build.statistics_unit.wires import (
    Hold,
    Input,
    Interleave,
    Level,
    Product,
    Recall,
    Reduce,
    Running,
    Serial,
    Sum,
    Table,
    Term,
    Wire,
    width,
)

LUT_BITS = 8
"""Factors of at most this many bits are multiplied in LUTs, wider ones in a DSP slice."""
_MOST_DIGITS = 3
"""Signed binary digits of a factor that becomes additions; one with more is multiplied in a DSP slice."""
DSP_STAGES, LUT_STAGES = 3, 2
"""Registers of a multiplication: inputs, product and sum in a DSP slice."""


@dataclass(frozen=True)
class Digit:
    """One addend of a sum: sign x what the term reads x 2^shift."""

    term: Term
    sign: int
    shift: int


def digits(value: int) -> list[tuple[int, int]]:
    """Sign and exponent of the fewest powers of two that add up to an integer (its canonical signed digits)."""
    found, exponent = [], 0
    while value:
        if value & 1:
            sign = 2 - (value & 3)
            found.append((sign, exponent))
            value -= sign
        value >>= 1
        exponent += 1
    return found


def addends(terms: tuple[Term, ...]) -> list[Digit]:
    """The addends of a sum, positive ones first."""
    found = [Digit(term, sign, shift) for term in terms for sign, shift in digits(term.coefficient)]
    return sorted(found, key=lambda digit: -digit.sign)


def is_table(level: Level) -> bool:
    """Whether a factor or an offset changes from slot to slot."""
    return len(level.factors) > 1 or len(level.offsets) > 1


def multiplies(level: Level) -> bool:
    """Whether a level takes a multiplier."""
    return is_table(level) or len(digits(level.factors[0])) > _MOST_DIGITS


def only_shifts(level: Level) -> bool:
    """Whether there is nothing to add in front of the shift."""
    return not is_table(level) and level.offsets == (0,) and digits(level.factors[0])[1:] == [] and level.factors[0] > 0


def total_range(level: Level, source: Wire) -> tuple[int, int]:
    """Range of factor x source + offset."""
    ends = [factor * value + offset for factor, offset in _pairs(level) for value in (source.low, source.high)]
    return min(ends), max(ends)


def product_range(level: Level, source: Wire) -> tuple[int, int]:
    """Range of factor x source."""
    ends = [factor * value for factor in set(level.factors) for value in (source.low, source.high)]
    return min(ends), max(ends)


def _pairs(level: Level) -> set[tuple[int, int]]:
    count = max(len(level.factors), len(level.offsets))
    factors, offsets = (v if len(v) == count else v * count for v in (level.factors, level.offsets))
    return set(zip(factors, offsets, strict=True))


def limits(level: Level, source: Wire) -> bool:
    """Whether the result of the shift is limited or corrected."""
    low, high = (end >> level.shift for end in total_range(level, source))
    below = level.least is not None and low < level.least
    return below or level.to_even or (level.most is not None and high > level.most)


def in_dsp(left: Wire, right: Wire) -> bool:
    """Whether a product of two wires takes a DSP slice."""
    return max(signed_bits(left), signed_bits(right)) > LUT_BITS + 1


def signed_bits(wire: Wire) -> int:
    """Width of a wire as a signed number."""
    return width(min(wire.low, -1), wire.high)


def stages(wire: Wire, sources: tuple[Wire, ...]) -> int:
    """Registers between the sources of an operation and its wire."""
    match wire.operation:
        case Input() | Reduce() | Hold() | Serial() | Interleave() | Running():
            return 1
        case Recall() | Table():
            return 2
        case Level():
            return level_stages(wire.operation, sources[0])
        case Sum(terms):
            return max(1, (len(addends(terms)) - 1).bit_length())
        case Product():
            return DSP_STAGES if in_dsp(*sources) else LUT_STAGES


def weighs(level: Level, source: Wire) -> bool:
    """Whether a level is no more than a product with a table, and small enough for LUTs."""
    bits = max(signed_bits(source), factor_bits(level))
    plain = level.offsets == (0,) and not level.shift and level.least is None and level.most is None
    return is_table(level) and plain and not level.to_even and bits <= LUT_BITS + 1


def factor_bits(level: Level) -> int:
    """Width of a level's factors as signed numbers."""
    return width(min(*level.factors, -1), max(level.factors))


def level_stages(level: Level, source: Wire) -> int:
    """Registers of a level."""
    if weighs(level, source):
        return LUT_STAGES
    add = DSP_STAGES if multiplies(level) else int(not only_shifts(level))
    return max(1, add + limits(level, source))
