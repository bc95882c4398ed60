"""Signals that are slower than the beats and alike take turns: their circuits are one, as with fewer samples a beat.

The phases of a statistic are alike where the results of a frame are taken in turn. From there their wires are followed
back, side by side, as long as they are the same operation and slow enough. Where they begin, a multiplexer puts the
number of each phase into a slot of its own. Slots behind those of a frame are cycles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from finn_build.statistics_unit.elements import CONSTANT, Elements, at_delay
from finn_build.statistics_unit.families import families, is_slow, shape_of
from finn_build.statistics_unit.ranges import (
    add_hold,
    add_interleave,
    add_level,
    add_product,
    add_reduce,
    add_sum,
    in_turns,
)
from finn_build.statistics_unit.renumbered import renumbered
from finn_build.statistics_unit.resources import price
from finn_build.statistics_unit.schedule import late_slots
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import (
    Hold,
    Interleave,
    Level,
    Product,
    Reduce,
    Serial,
    Sum,
    Term,
    Wire,
    Wires,
    sources,
)  # fmt: skip

_Alike = tuple[tuple[int, int], ...]
"""Wires of the unit, one a phase, and how many slots later each has its turn."""


def interleaved(unit: Unit) -> Unit:
    """The unit where phases take turns, and other results that are alike where that saves LUTs."""
    holds = {index for index, wire in enumerate(unit.wires) if isinstance(wire.operation, Hold)}
    read = [wire.operation.sources for wire in unit.wires if isinstance(wire.operation, Serial)]
    chosen = [phases for phases in read if holds.issuperset(phases) and _Interleaving(unit).take_turns(phases)]
    best = _taking_turns(unit, chosen)
    for family in families(unit, {hold for phases in chosen for hold in phases}):
        tried = _taking_turns(unit, [*chosen, family])
        if price(tried) < price(best):
            best, chosen = tried, [*chosen, family]
    return best


def _taking_turns(unit: Unit, results: Sequence[tuple[int, ...]]) -> Unit:
    """The unit where held results take turns; unchanged where the first would meet the last of the frame before."""
    found = _Interleaving(unit)
    for holds in results:
        found.take_turns(holds)
    output = found.copied(unit.output)
    wires = tuple(found.wires[index] for index in range(len(found.wires)))
    tensors = {name: found.moved(elements) for name, elements in unit.tensors.items()}
    made = replace(unit, wires=wires, output=output, tensors=tensors)
    first = min((wire.slots.first for wire in wires if isinstance(wire.operation, Interleave)), default=unit.beats)
    return made if late_slots(made) <= first else unit


class _Interleaving:
    """One unit in which phases take turns.

    copies: of a wire of the unit without turns, the wire that is its copy. turns: the wire that has its integers some
    slots later, and how many. together: of wires that are alike, the wire that has the integers of all. shorter: sums
    over windows, by what they read.
    """

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self.wires = Wires(unit.beats)
        self._copies: dict[int, int] = {}
        self._turns: dict[int, tuple[int, int]] = {}
        self._together: dict[_Alike, int] = {}
        self._shorter: dict[Reduce, list[tuple[int, Reduce]]] = defaultdict(list)
        for index, wire in enumerate(unit.wires):
            if isinstance(wire.operation, Reduce):
                self._shorter[_windows(wire.operation)].append((index, wire.operation))

    def copied(self, index: int) -> int:
        """The copy of a wire."""
        if index not in self._copies:
            wire = self._unit.wires[index]
            new = renumbered(wire, {source: self.copied(source) for source in sources(wire.operation)})
            self._copies[index] = self.wires.add(new.operation, new.low, new.high, new.slots, new.held)
        return self._copies[index]

    def moved(self, elements: Elements) -> Elements:
        """A tensor in terms of the new wires."""
        wire, slot = elements.wire.copy(), elements.slot.copy()
        for old in np.unique(elements.wire).tolist():
            if old != CONSTANT:
                new, later = (self._copies[old], 0) if old in self._copies else self._turns[old]
                wire[elements.wire == old] = new
                slot[elements.wire == old] += later
        return replace(elements, wire=wire, slot=slot)

    def take_turns(self, results: tuple[int, ...]) -> bool:
        """Let held results take turns, if they can; whether they do."""
        holds = [hold for index in results if isinstance(hold := self._unit.wires[index].operation, Hold)]
        phases = tuple(dict.fromkeys(hold.source for hold in holds))
        first = [self._unit.wires[phase].slots.first for phase in phases]
        begin = max(slot - turn for turn, slot in enumerate(first))
        later = {phase: begin + turn - slot for turn, (phase, slot) in enumerate(zip(phases, first, strict=True))}
        alike = tuple(later.items())
        if len(alike) == 1 or not self._may_take_turns(alike) or not (self._read(alike) or self._pieces(alike)):
            return False
        made = self._merged(alike)
        new = [add_hold(self.wires, made, hold.slot + later[hold.source]) for hold in holds]
        self._copies |= zip(results, new, strict=True)
        return True

    def _members(self, alike: _Alike) -> list[Wire]:
        return [self._unit.wires[index] for index, _ in alike]

    def _may_take_turns(self, alike: _Alike) -> bool:
        """Whether they carry numbers at the same distances, in slots that follow each other, with room for all."""
        slots = [replace(self._unit.wires[index].slots, first=0) for index, _ in alike]
        first = [self._unit.wires[index].slots.first + later for index, later in alike]
        follow = first == list(range(first[0], first[0] + len(alike)))
        return follow and len(set(slots)) == 1 and is_slow(self._unit.wires[alike[0][0]], len(alike))

    def _read(self, alike: _Alike) -> list[_Alike] | None:
        """What wires of the same operation read, each operand of all phases; None where it cannot take turns."""
        shapes = {shape_of(wire) for wire in self._members(alike)}
        if len(shapes) > 1 or None in shapes:
            return None
        operands = zip(*(sources(wire.operation) for wire in self._members(alike)), strict=True)
        read = [tuple((s, later) for s, (_, later) in zip(operand, alike, strict=True)) for operand in operands]
        return read if all(self._may_take_turns(operand) for operand in read) else None

    def _pieces(self, alike: _Alike) -> _Alike | None:
        """Sums over shorter windows that sums over windows consist of; None where there are none."""
        pieces = []
        for index, later in alike:
            whole = self._unit.wires[index].operation
            if not isinstance(whole, Reduce) or whole.kind != "sum" or whole.interleave > 1:
                return None
            pieces.append(
                {
                    piece.count: (number, later)
                    for number, piece in self._shorter[_windows(whole)]
                    if piece.count < whole.count
                    and whole.count % piece.count == 0
                    and piece.count * piece.windows >= whole.count * whole.windows
                }
            )
        common = set.intersection(*(set(of) for of in pieces))
        found = [tuple(of[count] for of in pieces) for count in sorted(common, reverse=True)]
        return next((piece for piece in found if self._may_take_turns(piece)), None)

    def _merged(self, alike: _Alike) -> int:
        """The wire with the integers of wires that may take turns."""
        if alike not in self._together:
            index, later = alike[0]
            first = self._unit.wires[index]
            if read := self._read(alike):
                number = dict(zip(sources(first.operation), map(self._merged, read), strict=True))
                made = self._operation(renumbered(first, number), later, len(alike))
            elif pieces := self._pieces(alike):
                source, step = self._merged(pieces), self._unit.wires[pieces[0][0]].slots.step
                terms = [Term(source, 1, delay) for delay in range(0, first.slots.step, step)]
                made = add_sum(self.wires, terms, in_turns(at_delay(first.slots, -later), len(alike)))
            else:
                made = add_interleave(self.wires, tuple((self.copied(index), later) for index, later in alike))
            self._together[alike] = made
            self._turns |= {index: (made, later) for index, later in alike}
        return self._together[alike]

    def _operation(self, wire: Wire, later: int, count: int) -> int:
        """The operation of a wire, some slots later, for `count` phases in turn."""
        slots = in_turns(replace(wire.slots, first=wire.slots.first + later), count)
        match wire.operation:
            case Level() as level:
                factors, offsets = (
                    values if len(values) == 1 else _spread(values, wire.slots.step, slots.count)
                    for values in (level.factors, level.offsets)
                )
                return add_level(self.wires, replace(level, factors=factors, offsets=offsets))
            case Sum(terms):
                return add_sum(self.wires, terms, slots)
            case Product(left, right):
                return add_product(self.wires, left, right, slots)
            case Reduce() as reduce:
                turns = replace(reduce, first=reduce.first + later, step=1, interleave=reduce.step)
                return add_reduce(self.wires, replace(turns, results=slots.count))
        raise AssertionError(wire)


def _windows(reduce: Reduce) -> Reduce:
    """What sums over windows of one signal have in common."""
    return replace(reduce, count=0, windows=0, results=0)


def _spread(values: tuple[int, ...], step: int, count: int) -> tuple[int, ...]:
    """A table of numbers `step` slots apart, for each of `count` slots."""
    return tuple(values[slot // step] for slot in range(count))
