"""Behind a frame: rows come out of memories one after the other, through one circuit for what was a circuit for each.

Two memories give two rows side by side. These are weighted and added, which gives sums of rows, and rows as they are.
A multiplier with tables of factors and offsets makes levels of them. Sums of levels are accumulated term by term out of
a memory of the levels. Behind each of the three run a sum, a maximum and a minimum, as far as a result needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from finn_build.statistics_unit.elements import CONSTANT, Elements
from finn_build.statistics_unit.ranges import add_hold, add_level, add_recall, add_running
from finn_build.statistics_unit.renumbered import renumbered
from finn_build.statistics_unit.rows import KINDS, Rows, rows_of
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Hold, Level, Running, Sum, Term, Wires

_Term = tuple[int, int] | None
"""A row of the frame and its coefficient."""
_LEAST = 3
"""Results for which rows are replayed."""


def replayed(unit: Unit) -> Unit:
    """The unit where results of rows are computed in turn; unchanged where it has few of them.

    Whether a frame is long enough for all turns is left to `schedule`.
    """
    rows = rows_of(unit)
    return _Replay(unit, rows).unit() if sum(map(len, rows.results.values())) >= _LEAST else unit


@dataclass(frozen=True)
class _Stream:
    """Rows one after the other on a wire of the new unit: each row's wire in the old unit, and its first slot."""

    wire: int
    rows: list[tuple[int, int]]


class _Replay:
    """One unit in which rows are replayed.

    number: of a wire of the unit before, the wire that is its copy. place: of one that takes turns, the wire that has
    its integers, and the slot of the first of them.
    """

    def __init__(self, unit: Unit, rows: Rows) -> None:
        self._unit, self._rows = unit, rows
        self._wires = Wires(unit.beats)
        self._number: dict[int, int] = {}
        self._place: dict[int, tuple[int, int]] = {}

    def unit(self) -> Unit:
        """The unit, its tensors in terms of the new wires."""
        wires = range(len(self._unit.wires))
        self._copy(index for index in wires if not self._unit.wires[index].slots.serial)
        given = self._given()
        streams = [given]
        if self._rows.levels:
            streams.append(self._levels(given))
        if self._rows.above:
            streams.append(self._above())
        for stream in streams:
            self._results(stream)
        self._copy(wires)
        tensors = {name: self._moved(elements) for name, elements in self._unit.tensors.items()}
        made = tuple(self._wires[index] for index in range(len(self._wires)))
        return replace(self._unit, wires=made, output=self._number[self._unit.output], tensors=tensors)

    def _copy(self, chosen: Iterable[int]) -> None:
        """Wires that take no turns and are no copies yet."""
        without = self._rows.wires
        for index in chosen:
            if index not in without and index not in self._number:
                new = renumbered(self._unit.wires[index], self._number)
                self._number[index] = self._wires.add(new.operation, new.low, new.high, new.slots, new.held)

    def _stream(self, wire: int, rows: Sequence[int]) -> _Stream:
        """Rows that follow each other on a wire, which has their integers from now on."""
        starts = np.cumsum([0, *(self._count(row) for row in rows)]).tolist()
        for row, start in zip(rows, starts, strict=False):
            if row in self._rows.wires:
                self._place.setdefault(row, (wire, start))
        return _Stream(wire, list(zip(rows, starts, strict=False)))

    def _count(self, row: int) -> int:
        return self._unit.wires[row].slots.count

    def _given(self) -> _Stream:
        """Sums of rows of the frame, and these rows themselves."""
        rows = [row for row, _ in self._rows.order()]
        sides = [self._weighted(side, rows) for side in zip(*self._sides(rows), strict=True)]
        terms = [wire for wire in sides if wire is not None]
        wire, slots = terms[0], self._wires[terms[0]].slots
        if len(terms) > 1:
            together = Sum(tuple(Term(term, 1, 0) for term in terms), slots)
            wire = self._wires.add(together, *self._range(rows), slots, held=False)
        return self._stream(wire, rows)

    def _sides(self, rows: Sequence[int]) -> list[tuple[_Term, _Term]]:
        """The terms of each row at the two memories.

        A row of the frame that is read at both sides is in both memories, so that it stays where it is already.
        """
        memories: tuple[set[int], set[int]] = (set(), set())

        def more(pair: tuple[_Term, _Term]) -> int:
            return sum(term is not None and term[0] not in memory for term, memory in zip(pair, memories, strict=True))

        sides: dict[int, tuple[_Term, _Term]] = {}
        for row in sorted(rows, key=lambda row: row not in self._rows.sums):
            first, second = (*self._rows.sums.get(row, {row: 1}).items(), None)[:2]
            sides[row] = min((first, second), (second, first), key=more)
            for term, memory in zip(sides[row], memories, strict=True):
                memory |= {term[0]} if term else set()
        return [sides[row] for row in rows]

    def _weighted(self, terms: Sequence[_Term], rows: Sequence[int]) -> int | None:
        """A wire with the terms of one side; between them it repeats what it has, with the weight 0."""
        there = [term for term in terms if term]
        if not there:
            return None
        order: list[tuple[int, int]] = []
        factors: list[int] = []
        low = high = 0
        source, factor = there[0]
        for row, term in zip(rows, terms, strict=True):
            source, factor = term or (source, 0)
            wire, count = self._unit.wires[source], self._count(row)
            slots = list(wire.slots)
            order += [(self._number[source], slots[place % len(slots)]) for place in range(count)]
            factors += [factor] * count
            ends = 0, factor * wire.low, factor * wire.high
            low, high = min(low, *ends), max(high, *ends)
        recalled = add_recall(self._wires, order)
        if set(factors) == {1}:
            return recalled
        level = Level(recalled, tuple(factors), (0,))
        return self._wires.add(level, low, high, self._wires[recalled].slots, held=False)

    def _levels(self, given: _Stream) -> _Stream:
        """Levels of sums and rows, which come first of these; behind them levels of 0."""
        operations = [op for index in self._rows.levels if isinstance(op := self._unit.wires[index].operation, Level)]
        shift = max(level.shift for level in operations)
        order = [index for _, index in self._rows.order() if index is not None]
        numbers = dict(zip(self._rows.levels, operations, strict=True))
        counts = [self._count(index) for index in order]
        rest = self._wires[given.wire].slots.count - sum(counts)
        factors, offsets = (
            tuple(np.repeat([getattr(numbers[i], name)[0] << shift - numbers[i].shift for i in order], counts).tolist())
            + (0,) * rest
            for name in ("factors", "offsets")
        )
        made = replace(operations[0], source=given.wire, factors=factors, offsets=offsets, shift=shift)
        low, high = self._range(order)
        wire = self._wires.add(made, min(low, 0), max(high, 0), self._wires[given.wire].slots, held=False)
        return self._stream(wire, order)

    def _above(self) -> _Stream:
        """Sums of levels, each accumulated term by term for each of its integers."""
        rows = sorted(self._rows.above, key=lambda row: max(self._place[level] for level in self._rows.above[row]))
        order: list[tuple[int, int]] = []
        factors: list[int] = []
        starts: list[int] = []
        ends: list[int] = []
        low = high = 0
        for row in rows:
            terms = self._rows.above[row]
            for place in range(self._count(row)):
                starts.append(len(order))
                order += [(wire, start + place) for wire, start in map(self._place.__getitem__, terms)]
                factors += terms.values()
                ends.append(len(order) - 1)
            limits = [[c * self._unit.wires[level].low, c * self._unit.wires[level].high] for level, c in terms.items()]
            low, high = min(low, sum(min(0, *of) for of in limits)), max(high, sum(max(0, *of) for of in limits))
        weighted = add_level(self._wires, Level(add_recall(self._wires, order), tuple(factors), (0,)))
        total = add_running(self._wires, Running("sum", weighted, tuple(starts)), low, high)
        return self._stream(add_recall(self._wires, [(total, end) for end in ends]), rows)

    def _results(self, stream: _Stream) -> None:
        """A sum, a maximum and a minimum that run beside a stream, each where a result needs it."""
        starts = tuple(start for _, start in stream.rows)
        wire = self._wires[stream.wire]
        rows = [(self._count(row), self._unit.wires[row]) for row, _ in stream.rows]
        low = min(wire.low, *(count * row.low for count, row in rows))
        high = max(wire.high, *(count * row.high for count, row in rows))
        for kind in KINDS:
            results = {row: of[kind] for row, _ in stream.rows if kind in (of := self._rows.results.get(row, {}))}
            if not results:
                continue
            limits = (low, high) if kind == "sum" else (wire.low, wire.high)
            running = add_running(self._wires, Running(kind, stream.wire, starts), *limits)
            for row, result in results.items():
                end = dict(reversed(stream.rows))[row] + self._count(row) - 1
                self._place[result] = (running, end)
                for index, reader in enumerate(self._unit.wires):
                    if isinstance(reader.operation, Hold) and reader.operation.source == result:
                        self._number[index] = add_hold(self._wires, running, end)

    def _range(self, rows: Iterable[int]) -> tuple[int, int]:
        """Of all these rows."""
        wires = [self._unit.wires[row] for row in rows]
        return min(wire.low for wire in wires), max(wire.high for wire in wires)

    def _moved(self, elements: Elements) -> Elements:
        """A tensor in terms of the new wires."""
        wire, slot = elements.wire.copy(), elements.slot.copy()
        for old in np.unique(elements.wire).tolist():
            at = elements.wire == old
            if old in self._number:
                wire[at] = self._number[old]
            elif old != CONSTANT:
                slots = self._unit.wires[old].slots
                wire[at], start = self._place[old]
                slot[at] = start + (slot[at] - slots.first) // slots.step
        return replace(elements, wire=wire, slot=slot)
