"""What a unit takes on an FPGA, by formula from its wires: an estimate, nothing is synthesised.

A LUT adds a bit; bits where one addend alone has any take none, and a LUT also gives an accumulator its first number.
The comparison with a limit takes a LUT for four bits, that with 0 reads the sign. One limit is a set or a reset of the
registers, two take a LUT a bit for the choice. A square in LUTs takes one for five bits of its partial products. A
multiplexer takes a LUT for four inputs of a bit, a table of factors one for 64 entries of a bit, a memory four for 32
words of 6 bits. The program of the serial part lies in block RAM. A block RAM of 18 Kbit has two ports of 18 bits for
1,024 words, or 9 bits for 2,048; a word of a port alone has 36 bits for 512.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict

from finn_build.statistics_unit.schedule import age_bits, schedule
from finn_build.statistics_unit.stages import (
    addends,
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
LUTS_A_RAM = 50
"""LUTs that a table has to save for each block RAM of 18 Kbit. The boards have 190 (Zynq 7020) to 370 (ZU7EV)."""
_ENDS = 150
"""LUTs of the gate and of the queue."""
_TABLE = 64
"""Entries of a table that a LUT holds, a bit of each."""


def resources(unit: Unit) -> tuple[dict[str, int], int, int]:
    """LUTs by kind of operation, DSP slices, and block RAMs of 18 Kbit."""
    luts, dsps = _circuits(unit)
    return {name: count for name, count in luts.items() if count}, dsps, _rams(unit) + program_rams(unit)


def price(unit: Unit) -> float:
    """What circuits are chosen by: LUTs, and some for each DSP slice and each block RAM of the program."""
    luts, dsps = _circuits(unit)
    return sum(luts.values()) + LUTS_A_DSP * dsps + LUTS_A_RAM * _program_bits(unit) / 36


def _circuits(unit: Unit) -> tuple[Counter[str], int]:
    luts: Counter[str] = Counter(ends=_ENDS)
    dsps = 0
    for wire in unit.wires:
        count, dsp = cost(unit, wire)
        luts[type(wire.operation).__name__.lower()] += round(count)
        dsps += dsp
    return luts, dsps


def program_rams(unit: Unit) -> int:
    """Block RAMs of 18 Kbit of the serial part's program."""
    addresses = age_bits(schedule(unit))
    return math.ceil(_program_bits(unit) / 36 if addresses < 10 else table_rams(addresses, _program_bits(unit)))


def _program_bits(unit: Unit) -> int:
    """Of a word of the serial part's program."""
    return sum(bits for wire in unit.wires for bits in _columns(unit, wire))


def _columns(unit: Unit, wire: Wire) -> list[int]:
    """Widths of the parts of the program that are for a wire."""
    match wire.operation:
        case Level(source, factors, offsets) if unit.wires[source].slots.serial:
            return [_bits(values) for values in (factors, offsets) if len(values) > 1]
        case Serial(read):
            return [(len(read) - 1).bit_length()]
        case Running():
            return [1]
        case Recall() as recall:
            kept = recall.kept()
            counts = {source: len(slots) for source, slots in kept.items()}
            written = [n.bit_length() for s, n in counts.items() if n > 1 and unit.wires[s].slots.serial]
            return [(max(counts.values()) - 1).bit_length(), (len(kept) - 1).bit_length(), *written]
    return []


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
    """Memories, and the multiplexer of what is kept of each wire."""
    kept = recall.kept()
    luts = 0.0
    for source, slots in kept.items():
        bits = unit.wires[source].bits
        if len(slots) > 1:
            luts += bits * 4 / 6 * -(-(len(slots) + 1) // 32)
        luts += bits / 4 if len(kept) > 1 else 0
    return luts


def _adders(unit: Unit, terms: tuple[Term, ...], wire: Wire) -> int:
    """A LUT for each bit of each adder of a tree; the bits that a shift leaves free need none."""
    parts = sorted(unit.wires[digit.term.source].bits for digit in addends(terms))
    return sum(min(bits + 1, wire.bits) for bits in parts[1:])


def _level(unit: Unit, level: Level, wire: Wire) -> tuple[float, int]:
    source = unit.wires[level.source]
    if weighs(level, source):
        factor = factor_bits(level)
        return signed_bits(source) * factor + _table(level.factors, source), 0
    bits, luts = width(*total_range(level, source)), 0.0
    if multiplies(level):
        luts += 0 if level.offsets == (0,) else bits
        luts += _table(level.factors, source) + _table(level.offsets, source)
    elif not only_shifts(level):
        addends = sorted(digits(level.factors[0]), reverse=True)
        lowest = sorted([exponent for _, exponent in addends] + [_zeros(level.offsets[0])] * (level.offsets != (0,)))
        luts += sum(bits - below for below in lowest[1:]) if addends[0][0] > 0 else bits * max(1, len(lowest) - 1)
    if limits(level, source):
        luts += _limit(level, source, wire)
    return luts, int(multiplies(level))


def _table(values: tuple[int, ...], source: Wire) -> float:
    """Numbers by the slot of a frame; those of the serial part are in its program."""
    return 0 if source.slots.serial or len(values) == 1 else _bits(values) * len(values) / _TABLE


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
