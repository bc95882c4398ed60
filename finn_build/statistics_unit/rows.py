"""Rows: the few integers, one a phase, that a wire carries once a frame. Which of them can be computed in turn.

A statistic's phases give rows at the end of a frame. Differences of rows, levels of these and sums of levels are rows,
too, and the sum, maximum or minimum of a row is a result of the frame. All of these operations are slow: a frame's
cycles have room for them one after the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from finn_build.statistics_unit.stages import is_table
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Hold, Level, Reduce, Sum, Wire, sources

Kind = Literal["sum", "max", "min"]
KINDS: tuple[Kind, ...] = ("sum", "max", "min")
MOST_TERMS = 2
"""Of a sum of rows that the frame gives."""
_LONGEST = 16
"""Integers of a row."""


@dataclass(frozen=True)
class Rows:
    """Operations on rows that can take turns, by their wires.

    sums: the coefficients of each sum of rows that the frame gives, by row. levels: of each level the wire that it
    reads, a sum or a row of the frame. above: the coefficients of each sum of levels. results: of each row, the kinds
    of its results with their wires.
    """

    sums: dict[int, dict[int, int]]
    levels: dict[int, int]
    above: dict[int, dict[int, int]]
    results: dict[int, dict[Kind, int]]

    @property
    def wires(self) -> set[int]:
        """All wires that take turns."""
        return {*self.sums, *self.levels, *self.above, *(wire for of in self.results.values() for wire in of.values())}

    def order(self) -> list[tuple[int, int | None]]:
        """Sums and rows of the frame, each with a level that reads it or None, those first that sums of levels need."""
        read = {level for terms in self.above.values() for level in terms}
        levels = sorted(self.levels, key=lambda level: (level not in read, level))
        given = {self.levels[level] for level in levels}
        others = sorted(row for row in self.results if row not in {*given, *self.levels, *self.above})
        return [*((self.levels[level], level) for level in levels), *((row, None) for row in others)]


def rows_of(unit: Unit) -> Rows:
    """What can take turns, as far as nothing else reads it."""
    readers: dict[int, set[int]] = defaultdict(set)
    for index, wire in enumerate(unit.wires):
        for source in sources(wire.operation):
            readers[source].add(index)
    found = {index for index, wire in enumerate(unit.wires) if _is_result_or_operation(unit, wire)}
    bounds = Counter(_bounds(op) for index in found if isinstance(op := unit.wires[index].operation, Level))
    stays = _staying(unit, readers, max(bounds, key=lambda bound: bounds[bound], default=None))
    while wrong := {index for index in found if not stays(index, found)}:
        found -= wrong
    made = Rows({}, {}, {}, {})
    for index in sorted(found):
        match unit.wires[index].operation:
            case Reduce(kind, source):
                made.results.setdefault(source, {})[kind] = index
            case Level(source):
                made.levels[index] = source
            case Sum(terms):
                sums = made.above if found.issuperset(term.source for term in terms) else made.sums
                coefficients = sums.setdefault(index, defaultdict(int))
                for term in terms:
                    coefficients[term.source] += term.coefficient
    return made


def _is_row(unit: Unit, wire: Wire) -> bool:
    """Whether a wire carries few integers, all at the frame's end: what is kept of them is not replaced for long."""
    at_end = not wire.slots.serial and wire.slots.first >= unit.beats - _LONGEST
    return at_end and wire.slots.count <= _LONGEST


def _bounds(level: Level) -> tuple[int | None, int | None, bool]:
    return level.least, level.most, level.to_even


def _is_result_or_operation(unit: Unit, wire: Wire) -> bool:
    """Whether a wire is the result of a row, a level of one, or a sum of rows."""
    if not _is_row(unit, wire):
        return False
    match wire.operation:
        case Reduce() as reduce:
            row = unit.wires[reduce.source]
            whole = (reduce.first, reduce.step, reduce.count) == (row.slots.first, row.slots.step, row.slots.count)
            return _is_row(unit, row) and whole and reduce.interleave == reduce.windows == 1
        case Level() as level:
            limited = level.least is not None and level.most is not None and level.least <= 0 <= level.most
            return not is_table(level) and limited
        case Sum(terms):
            return all(not term.delay and unit.wires[term.source].slots == wire.slots for term in terms)
    return False


def _staying(
    unit: Unit, readers: dict[int, set[int]], bounds: tuple[int | None, int | None, bool] | None
) -> Callable[[int, set[int]], bool]:
    """Whether an operation stays among others that take turns; bounds: those of the levels that do."""

    def kinds(wires: set[int]) -> set[type]:
        return {type(unit.wires[index].operation) for index in wires}

    def stays(index: int, found: set[int]) -> bool:
        operation, read_by = unit.wires[index].operation, readers[index]
        inside = {source for source in sources(operation) if source in found}
        match operation:
            case Reduce():
                return kinds(read_by) == {Hold}
            case Level():
                above = any(found.issuperset(sources(unit.wires[source].operation)) for source in inside)
                fits = _bounds(operation) == bounds and kinds(inside) <= {Sum} and not above
                return fits and read_by <= found and kinds(read_by) <= {Sum, Reduce}
            case Sum(terms):
                few = not inside and len({term.source for term in terms}) <= MOST_TERMS
                levels = inside == {term.source for term in terms} and kinds(inside) == {Level}
                return (few or levels) and read_by <= found and kinds(read_by) <= {Level, Reduce}
        return False

    return stays
