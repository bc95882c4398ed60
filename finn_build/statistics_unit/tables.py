"""Functions of one narrow signal become tables in block RAM, where these save enough LUTs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from finn_build.statistics_unit.elements import CONSTANT, Elements
from finn_build.statistics_unit.evaluator import level_of
from finn_build.statistics_unit.ranges import reads_outside
from finn_build.statistics_unit.renumbered import renumbered
from finn_build.statistics_unit.resources import LUTS_A_DSP, LUTS_A_RAM, cost, table_rams
from finn_build.statistics_unit.schedule import terms_of
from finn_build.statistics_unit.stages import is_table
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Level, Product, Sum, Table, Wires, sources

_ADDRESS_BITS = 11
"""Of a table, at most."""


def tabulated(unit: Unit) -> Unit:
    """The unit with tables. Tensors that only they had read are left out."""
    roots = _roots(unit)
    chosen, needed = _chosen(unit, roots)
    wires = Wires(unit.beats)
    number: dict[int, int] = {}
    for index in sorted(needed):
        wire = unit.wires[index]
        if index in chosen:
            table = Table(number[roots[index]], tuple(_values(unit, index, roots[index]).tolist()), wire.slots)
            number[index] = wires.add(table, wire.low, wire.high, wire.slots, held=False)
        else:
            new = renumbered(wire, number)
            number[index] = wires.add(new.operation, new.low, new.high, new.slots, new.held)
    tensors = {
        name: _moved(elements, number)
        for name, elements in unit.tensors.items()
        if {CONSTANT, *number}.issuperset(elements.wire.ravel().tolist())
    }
    made = tuple(wires[index] for index in range(len(wires)))
    return replace(unit, wires=made, output=number[unit.output], tensors=tensors)


def _roots(unit: Unit) -> list[int]:
    """Of each wire the narrow one in front of it that it is a function of, or the wire itself."""
    roots: list[int] = []
    for index, wire in enumerate(unit.wires):
        terms, slots = terms_of(wire)
        found = {roots[term.source] for term in terms}
        root = min(found, default=index)
        table = isinstance(wire.operation, Level) and is_table(wire.operation)
        function = isinstance(wire.operation, Sum | Product | Level) and not table and not wire.slots.serial
        now = len(found) == 1 and not any(term.delay for term in terms)
        narrow = unit.wires[root].bits <= _ADDRESS_BITS and not reads_outside(unit.wires[root].slots, slots)
        roots.append(root if function and now and narrow else index)
    return roots


def _chosen(unit: Unit, roots: list[int]) -> tuple[set[int], set[int]]:
    """Wires that become tables, and all that are needed then."""
    readers = Counter(source for wire in unit.wires for source in sources(wire.operation))
    chosen: set[int] = set()
    gone: set[int] = set()
    for index in reversed(range(len(unit.wires))):
        if index in gone or roots[index] == index:
            continue
        left = readers.copy()
        saved, waiting = {index}, [index]
        while waiting:
            for source in sources(unit.wires[waiting.pop()].operation):
                left[source] -= 1
                if not left[source] and source != roots[index]:
                    saved.add(source)
                    waiting.append(source)
        costs = [cost(unit, unit.wires[number]) for number in saved]
        worth = sum(luts for luts, _ in costs) + LUTS_A_DSP * sum(dsps for _, dsps in costs)
        if worth >= LUTS_A_RAM * table_rams(unit.wires[roots[index]].bits, unit.wires[index].bits) / 2:
            left[roots[index]] += 1
            readers = left
            chosen.add(index)
            gone |= saved - {index}
    return chosen, set(range(len(unit.wires))) - gone


def _values(unit: Unit, index: int, root: int) -> np.ndarray:
    """The integers of a wire for each of the root's range."""
    if index == root:
        wire = unit.wires[root]
        return np.arange(wire.low, wire.high + 1)
    match unit.wires[index].operation:
        case Level() as level:
            return level_of(level, _values(unit, level.source, root))
        case Product(left, right):
            return _values(unit, left.source, root) * _values(unit, right.source, root)
        case Sum(terms):
            return np.asarray(sum(term.coefficient * _values(unit, term.source, root) for term in terms))
    raise AssertionError(unit.wires[index])


def _moved(elements: Elements, number: dict[int, int]) -> Elements:
    wire = elements.wire.copy()
    for old in np.unique(wire).tolist():
        if old != CONSTANT:
            wire[elements.wire == old] = number[old]
    return replace(elements, wire=wire)
