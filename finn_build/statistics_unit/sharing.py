"""Behind a frame: levels and weighted sums take turns in a few circuits, as few as a frame's cycles allow.

Levels of what is held pass through one multiplier with tables of factors and offsets. Their results lie in memories.
A sum reads its terms from there, several at a time, and accumulates them with weights from a table. Levels of sums take
turns in the same way, and the sums that are logits come last.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from finn_build.statistics_unit.elements import CONSTANT, Elements
from finn_build.statistics_unit.ranges import add_level, add_recall, add_running, add_sum
from finn_build.statistics_unit.renumbered import pruned, renumbered
from finn_build.statistics_unit.schedule import latencies, schedule
from finn_build.statistics_unit.turns import Turns, turns_of
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Hold, Level, Running, Slots, Term, Wires
from radioml.errors import RadioMLError

_CIRCUITS = (1, 2, 4, 8, 16, 32)
"""Terms of a sum that are weighted at a time; half as many levels are computed at a time."""


def shared(unit: Unit) -> Unit:
    """The unit where levels and sums behind the frame take turns; unchanged where none can or a frame is too short."""
    turns = turns_of(unit)
    if turns is None:
        return unit
    for circuits in _CIRCUITS:
        found = _Sharing(unit, turns, circuits).unit()
        try:
            schedule(found)
        except RadioMLError:
            continue
        return found
    return unit


class _Sharing:
    """One unit in which turns are taken.

    place: of each wire of the unit without turns, the wire that has its integers now, and at which slot; None where the
    slots are the same. memories: of each depth, wires with levels one after the other, and the slot of each level.
    """

    def __init__(self, unit: Unit, turns: Turns, circuits: int) -> None:
        self._unit, self._turns, self._circuits = unit, turns, circuits
        self._wires = Wires(unit.beats)
        self._place: dict[int, tuple[int, int | None]] = {}
        self._memories: dict[int, list[tuple[int, dict[int, int]]]] = {}
        self._ends: dict[int, tuple[int, dict[int, int]]] = {}

    def unit(self) -> Unit:
        """The unit, its tensors in terms of the new wires."""
        output = self._unit.wires[self._unit.output].operation
        assert isinstance(output, Level)
        self._copy(self._turns.wires | {self._unit.output, output.source})
        for depth in sorted({depth for depth, *_ in self._turns.levels}):
            groups = [levels for (of, *_), levels in self._turns.levels.items() if of == depth]
            for part in self._parts(groups) if depth == 0 else groups:
                self._levels(depth, part)
            self._accumulate(depth)
        logits = self._summed(self._turns.last)
        last = add_level(self._wires, replace(output, source=logits))
        tensors = {name: self._moved(elements) for name, elements in self._unit.tensors.items()}
        wires = tuple(self._wires[index] for index in range(len(self._wires)))
        return pruned(replace(self._unit, wires=wires, output=last, tensors=tensors))

    def _copy(self, without: set[int]) -> None:
        """All wires that take no turns."""
        number: dict[int, int] = {}
        for index, wire in enumerate(self._unit.wires):
            if index not in without:
                new = renumbered(wire, number)
                number[index] = self._wires.add(new.operation, new.low, new.high, new.slots, new.held)
                self._place[index] = (number[index], None)

    def _parts(self, groups: list[list[int]]) -> list[list[int]]:
        """Groups of levels in parts that pass at the same time; the terms of a sum are spread over the parts."""
        size = -(-max(len(group) for group in groups) // -(-self._circuits // 2))
        latency = latencies(self._unit)
        parts = []
        for group in groups:
            split: list[list[int]] = [[] for _ in range(-(-len(group) // size))]
            for level in group:
                together = [
                    sum(len(terms.keys() & set(part)) for terms in self._turns.sums.values() if level in terms)
                    if len(part) < size
                    else len(self._unit.wires)
                    for part in split
                ]
                split[together.index(min(together))].append(level)
            parts += [sorted(part, key=lambda level: self._ready(level, latency)) for part in split]
        return parts

    def _ready(self, level: int, latency: list[int]) -> tuple[int, int]:
        """When what a level reads is there, and until when."""
        operation = self._unit.wires[level].operation
        assert isinstance(operation, Level)
        source = self._unit.wires[operation.source]
        until = source.operation.slot if isinstance(source.operation, Hold) else self._unit.beats
        return source.slots.first + latency[operation.source], until

    def _levels(self, depth: int, levels: list[int]) -> None:
        """Levels with the same limits, one after the other."""
        operations = [op for level in levels if isinstance(op := self._unit.wires[level].operation, Level)]
        if depth == 0:
            held = [self._place[operation.source][0] for operation in operations]
            source = add_recall(self._wires, [self._word(wire) for wire in held]) if len(held) > 1 else held[0]
        else:
            source = self._summed(tuple(operation.source for operation in operations))
        shift = max(operation.shift for operation in operations)
        factors, offsets = (
            tuple(getattr(operation, name)[0] << shift - operation.shift for operation in operations)
            for name in ("factors", "offsets")
        )
        made = add_level(
            self._wires, replace(operations[0], source=source, factors=factors, offsets=offsets, shift=shift)
        )
        slots = {index: slot for slot, index in enumerate(levels)}
        self._place |= {index: (made, slot) for index, slot in slots.items()}
        self._memories.setdefault(depth, []).append((made, slots))

    def _word(self, held: int) -> tuple[int, int]:
        """Where a recall reads a held integer: what a `Hold` holds, out of the wire that it reads."""
        hold = self._wires[held].operation
        return (hold.source, hold.slot) if isinstance(hold, Hold) else (held, 0)

    def _accumulate(self, depth: int) -> None:
        """The parts of sums that are levels of this depth: each takes a few slots and is there at the last."""
        memories = self._memories[depth]
        readers = -(-self._circuits // len(memories))
        read: list[list[tuple[int, int]]] = [[] for _ in range(readers * len(memories))]
        starts, ends, bounds = [], {}, []
        for index in self._rows(depth):
            terms = {level: c for level, c in self._turns.sums[index].items() if self._turns.depth[level] == depth}
            by_memory = [[(slots[level], c) for level, c in terms.items() if level in slots] for _, slots in memories]
            starts.append(len(read[0]))
            length = max(1, *(-(-len(part) // readers) for part in by_memory))
            for number, reader in enumerate(read):
                mine = by_memory[number // readers][number % readers :: readers]
                reader += mine + [(0, 0)] * (length - len(mine))
            ends[index] = len(read[0]) - 1
            for level, c in terms.items():
                wire = self._unit.wires[level]
                bounds.append((index, min(0, c * wire.low, c * wire.high), max(0, c * wire.low, c * wire.high)))
        weighted = [
            add_level(
                self._wires,
                Level(
                    add_recall(self._wires, [(memories[number // readers][0], slot) for slot, _ in reader]),
                    tuple(c for _, c in reader),
                    (0,),
                ),
            )
            for number, reader in enumerate(read)
            if any(c for _, c in reader)
        ]
        total = self._total(weighted, len(read[0]))
        low = min(sum(b for i, b, _ in bounds if i == index) for index in ends)
        high = max(sum(b for i, _, b in bounds if i == index) for index in ends)
        self._ends[depth] = (add_running(self._wires, Running("sum", total, tuple(starts)), low, high), ends)

    def _rows(self, depth: int) -> list[int]:
        """Sums with a part of this depth, those that are needed first in front, then those that are there first."""
        turns = self._turns
        slots = {level: slot for _, of in self._memories[depth] for level, slot in of.items()}
        latest = {
            index: max((slots[level] for level in terms if level in slots), default=-1)
            for index, terms in turns.sums.items()
        }
        above = {index: max(turns.depth[level] for level in terms) for index, terms in turns.sums.items()}
        rows = [index for index in turns.sums if depth in self._depths_beside(index)]
        return sorted(rows, key=lambda index: (index in turns.last, above[index], latest[index]))

    def _depths_beside(self, index: int) -> set[int]:
        """Depths of the parts of the sums that take turns with a sum."""
        turns = self._turns
        groups = [tuple(self._source(level) for level in levels) for (d, *_), levels in turns.levels.items() if d]
        beside = {other for group in (*groups, turns.last) if index in group for other in group}
        return {turns.depth[level] for other in beside for level in turns.sums[other]}

    def _source(self, level: int) -> int:
        operation = self._unit.wires[level].operation
        assert isinstance(operation, Level)
        return operation.source

    def _summed(self, sums: tuple[int, ...]) -> int:
        """A wire with sums one after the other."""
        parts = [
            add_recall(self._wires, [(running, ends[index]) for index in sums])
            for running, ends in self._ends.values()
            if set(sums) <= ends.keys()
        ]
        made = self._total(parts, len(sums))
        self._place |= {index: (made, slot) for slot, index in enumerate(sums) if index not in self._turns.depth}
        return made

    def _total(self, parts: list[int], count: int) -> int:
        if len(parts) == 1:
            return parts[0]
        return add_sum(self._wires, [Term(part, 1, 0) for part in parts], Slots(0, 1, count, serial=True))

    def _moved(self, elements: Elements) -> Elements:
        """A tensor in terms of the new wires."""
        wire, slot = elements.wire.copy(), elements.slot.copy()
        for old in np.unique(elements.wire).tolist():
            if old != CONSTANT:
                at = elements.wire == old
                new, turn = self._place[old]
                wire[at] = new
                slot[at] = slot[at] if turn is None else turn
        return replace(elements, wire=wire, slot=slot)
