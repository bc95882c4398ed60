"""What a unit takes on an FPGA, by formula from its wires: an estimate, nothing is synthesised.

A LUT adds a bit; bits where one addend alone has any take none, and a LUT also gives an accumulator its first number.
The comparison with a limit takes a LUT for four bits, that with 0 reads the sign. One limit is a set or a reset of the
registers, two take a LUT a bit for the choice. A square in LUTs takes one for five bits of its partial products. A
multiplexer takes a LUT for four inputs of a bit, a table of factors one for 64 entries of a bit, a memory four for 32
words of 6 bits. A block RAM of 18 Kbit has two ports of 18 bits for 1,024 words, or 9 bits for 2,048.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from finn_build.statistics_unit.stages import (
    addends,
    alike,
    digits,
    factor_bits,
    in_dsp,
    limits,
    multiplies,
    only_shifts,
    signed_bits,
    total_range,
    weighs,
)
from finn_build.statistics_unit.unit import Unit
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
)  # fmt: skip

NOT_COUNTED = "flip-flops, the memories and shift registers of delay lines, and the comparisons that decode slots"
LUTS_A_DSP = 20
"""What a DSP slice counts in a price."""
_ENDS = 150
"""LUTs of the gate and of the queue."""
_TABLE = 64
"""Entries of a table that a LUT holds, a bit of each."""


def resources(unit: Unit) -> tuple[dict[str, int], int, int]:
    """LUTs by kind of operation, DSP slices, and block RAMs of 18 Kbit."""
    luts: Counter[str] = Counter(ends=_ENDS)
    dsps = 0
    for wire in unit.wires:
        count, dsp = cost(unit, wire)
        luts[type(wire.operation).__name__.lower()] += round(count)
        dsps += dsp
    return {name: count for name, count in luts.items() if count}, dsps, _rams(unit)


def price(unit: Unit) -> int:
    """What circuits are chosen by: LUTs, and some for each DSP slice."""
    luts, dsps, _ = resources(unit)
    return sum(luts.values()) + LUTS_A_DSP * dsps


def table_rams(address_bits: int, bits: int) -> float:
    """Block RAMs of 18 Kbit, with two ports each, of a memory."""
    return bits / 18 * 2 ** max(0, address_bits - 10)


def _rams(unit: Unit) -> int:
    """Of the tables: those of a wire are one memory, whose two ports are for two wires with the same tables."""
    tables: dict[int, dict[tuple[int, ...], None]] = defaultdict(dict)
    for wire in unit.wires:
        if isinstance(wire.operation, Table):
            tables[wire.operation.source][wire.operation.values] = None
    alike = Counter((unit.wires[root].low, tuple(of)) for root, of in tables.items())
    return sum(
        -(-count // 2) * math.ceil(table_rams((len(values[0]) - 1).bit_length(), sum(map(_bits, values))))
        for (_, values), count in alike.items()
    )


def _bits(values: tuple[int, ...]) -> int:
    return width(min(values), max(values))


def cost(unit: Unit, wire: Wire) -> tuple[float, int]:
    """LUTs and DSP slices of a wire."""
    match wire.operation:
        case Input() | Hold() | Table():
            return 0, 0
        case Sum(terms):
            return _adders(unit, terms, wire), 0
        case Product(left, right):
            sides = unit.wires[left.source], unit.wires[right.source]
            if in_dsp(*sides):
                return 0, 1
            return signed_bits(sides[0]) * signed_bits(sides[1]) / (1.6 if left == right else 1), 0
        case Reduce(kind):
            return wire.bits * (1 if kind == "sum" else 1.5), 0
        case Serial(sources):
            return sum(unit.wires[s].bits if unit.wires[s].low >= 0 else wire.bits for s in sources) / 4, 0
        case Interleave(turns):
            return wire.bits * len(turns) / 4, 0
        case Recall():
            return _recall(unit, wire.operation), 0
        case Running(kind):
            return wire.bits * (1 if kind == "sum" else 1.5), 0
        case Level():
            return _level(unit, wire.operation, wire)


def _recall(unit: Unit, recall: Recall) -> float:
    """Memories, the multiplexer of what is kept of each wire, and the tables of places."""
    kept = recall.kept()
    luts = 0.0
    for source, slots in kept.items():
        bits, serial = unit.wires[source].bits, unit.wires[source].slots.serial
        if len(slots) > 1:
            luts += bits * 4 / 6 * -(-(len(slots) + 1) // 32)
            luts += len(slots).bit_length() * len(slots) / _TABLE if serial else 0
        luts += bits / 4 if len(kept) > 1 else 0
    places = [kept[source].index(slot) for source, slot in recall.order]
    numbers = [list(kept).index(source) for source, _ in recall.order]
    return luts + sum(max(of).bit_length() * entries(of) / _TABLE for of in (places, numbers))


def entries(values: Sequence[object]) -> int:
    """Of a table: numbers that follow each other and are equal share one."""
    return -(-len(values) // alike(values))


def _adders(unit: Unit, terms: tuple[Term, ...], wire: Wire) -> int:
    """A LUT for each bit of each adder of a tree; the bits that a shift leaves free need none."""
    parts = sorted(unit.wires[digit.term.source].bits for digit in addends(terms))
    return sum(min(bits + 1, wire.bits) for bits in parts[1:])


def _level(unit: Unit, level: Level, wire: Wire) -> tuple[float, int]:
    source = unit.wires[level.source]
    if weighs(level, source):
        factor = factor_bits(level)
        return signed_bits(source) * factor + entries(level.factors) / _TABLE * factor, 0
    bits, luts = width(*total_range(level, source)), 0.0
    if multiplies(level):
        luts += 0 if level.offsets == (0,) else bits
        for values in (level.factors, level.offsets):
            luts += _bits(values) * entries(values) / _TABLE if len(values) > 1 else 0
    elif not only_shifts(level):
        addends = sorted(digits(level.factors[0]), reverse=True)
        lowest = sorted([exponent for _, exponent in addends] + [_zeros(level.offsets[0])] * (level.offsets != (0,)))
        luts += sum(bits - below for below in lowest[1:]) if addends[0][0] > 0 else bits * max(1, len(lowest) - 1)
    if limits(level, source):
        luts += _limit(level, source, wire)
    return luts, int(multiplies(level))


def _limit(level: Level, source: Wire, wire: Wire) -> float:
    """Of those limits that the result of the shift passes; the bits below a limit's lowest bit are not compared."""
    low, high = (end >> level.shift for end in total_range(level, source))
    above = level.most is not None and high > level.most
    below = level.least is not None and low < level.least
    compared = [level.most + 1] if above and level.most is not None else []
    compared += [level.least] if below and level.least else []
    chosen = wire.bits if level.to_even or (above and below) else 0
    return chosen + sum(width(low, high) - _zeros(bound) for bound in compared) / 4


def _zeros(value: int) -> int:
    """Bits below the lowest one of an integer that is not 0."""
    return (value & -value).bit_length() - 1
