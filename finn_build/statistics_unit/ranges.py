"""Wires with their exact ranges: what each operation makes of the ranges of its sources."""

from __future__ import annotations

from collections.abc import Sequence

from finn_build.statistics_unit.elements import at_delay
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
    Slots,
    Sum,
    Term,
    Wires,
)  # fmt: skip

Range = tuple[int, int]


def add_input(wires: Wires, element: int) -> int:
    """An integer of 8 bits at each beat."""
    return wires.add(Input(element), -128, 127, Slots(0, 1, wires.beats, serial=False), held=False)


def add_level(wires: Wires, level: Level) -> int:
    """A wire that a `Level` gives. Rounding and limits are monotone, so that the range's ends become its ends."""
    source = wires[level.source]
    ends = [_level(level, *pair, value) for pair in set(_pairs(level)) for value in (source.low, source.high)]
    return wires.add(level, min(ends), max(ends), source.slots, source.held)


def _pairs(level: Level) -> list[tuple[int, int]]:
    count = max(len(level.factors), len(level.offsets))
    factors, offsets = (v if len(v) == count else v * count for v in (level.factors, level.offsets))
    return list(zip(factors, offsets, strict=True))


def _level(level: Level, factor: int, offset: int, value: int) -> int:
    total = factor * value + offset
    result = total >> level.shift
    if level.to_even and total == result << level.shift:
        result -= result & 1
    result = result if level.least is None else max(result, level.least)
    return result if level.most is None else min(result, level.most)


def add_sum(wires: Wires, terms: Sequence[Term], slots: Slots) -> int:
    """A wire that a `Sum` gives; it is held if all its sources are."""
    ends = [sorted(term.coefficient * end for end in read_range(wires, term, slots)) for term in terms]
    held = all(wires[term.source].held for term in terms)
    return wires.add(Sum(tuple(terms), slots), sum(low for low, _ in ends), sum(high for _, high in ends), slots, held)


def add_product(wires: Wires, left: Term, right: Term, slots: Slots) -> int:
    """A wire that a `Product` gives."""
    (a, b), (c, d) = read_range(wires, left, slots), read_range(wires, right, slots)
    ends = [a * c, a * d, b * c, b * d]
    low = (0 if a <= 0 <= b else min(a * a, b * b)) if left == right else min(ends)
    held = wires[left.source].held and wires[right.source].held
    return wires.add(Product(left, right, slots), low, max(ends), slots, held)


def read_range(wires: Wires, term: Term, slots: Slots) -> Range:
    """Range of what a term reads at some slots, before its coefficient: with 0 where its source carries nothing."""
    source = wires[term.source]
    if source.held or not reads_outside(source.slots, at_delay(slots, term.delay)):
        return source.low, source.high
    return min(source.low, 0), max(source.high, 0)


def reads_outside(carried: Slots, read: Slots) -> bool:
    """Whether some of the slots that are read carry nothing; the first, the second and the last one tell."""
    second = min(read.first + read.step, read.last)
    return any(carried.index(slot) is None for slot in (read.first, second, read.last))


def add_reduce(wires: Wires, reduce: Reduce) -> int:
    """A wire that a `Reduce` gives; in the serial part the result of a frame's only window is held."""
    source = wires[reduce.source]
    block = reduce.interleave * reduce.count
    first = reduce.first + (block - reduce.interleave) * reduce.step
    step = block * reduce.step if reduce.interleave == 1 else reduce.step
    slots = Slots(first, step, reduce.results, source.slots.serial)
    factor = reduce.count if reduce.kind == "sum" else 1
    held = source.slots.serial and reduce.interleave == reduce.windows == 1
    return wires.add(reduce, source.low * factor, source.high * factor, slots, held)


def add_hold(wires: Wires, source: int, slot: int) -> int:
    """A held wire with what `source` carries at a slot."""
    wire = wires[source]
    return wires.add(Hold(source, slot), wire.low, wire.high, Slots(0, 1, 1, serial=True), held=True)


def add_serial(wires: Wires, sources: tuple[int, ...], first: int) -> int:
    """A wire that carries held wires one after the other."""
    low, high = min(wires[s].low for s in sources), max(wires[s].high for s in sources)
    return wires.add(Serial(sources, first), low, high, Slots(first, 1, len(sources), serial=True), held=False)


def in_turns(slots: Slots, count: int) -> Slots:
    """The slots from the first to the last of `count` wires that take turns, each a slot behind the one before."""
    return Slots(slots.first, 1, slots.last - slots.first + count, slots.serial)


def add_interleave(wires: Wires, turns: tuple[tuple[int, int], ...]) -> int:
    """A wire that carries what others carry, in turn; 0 between two rounds."""
    low, high = min(0, *(wires[s].low for s, _ in turns)), max(0, *(wires[s].high for s, _ in turns))
    source, later = turns[0]
    slots = in_turns(at_delay(wires[source].slots, -later), len(turns))
    return wires.add(Interleave(turns), low, high, slots, held=False)


def add_recall(wires: Wires, order: Sequence[tuple[int, int]]) -> int:
    """A wire that carries what others carried at some slots, one after the other."""
    low, high = min(wires[source].low for source, _ in order), max(wires[source].high for source, _ in order)
    return wires.add(Recall(tuple(order)), low, high, Slots(0, 1, len(order), serial=True), held=False)


def add_running(wires: Wires, running: Running, low: int, high: int) -> int:
    """A wire with what is accumulated, which stays between low and high."""
    return wires.add(running, low, high, wires[running.source].slots, held=False)
