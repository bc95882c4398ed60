"""Results of a frame that are computed alike from signals that are slower than the beats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set
from dataclasses import replace

from finn_build.statistics_unit.renumbered import renumbered
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Hold, Level, Operation, Product, Reduce, Sum, Wire, sources

_DEPTH = 3
"""Operations in front of a result that decide on its family: a sum over time of |x|^2, and what x is rounded to."""
_LEAST = 3
"""Results of a family."""


def families(unit: Unit, without: Set[int]) -> list[tuple[int, ...]]:
    """Held wires, but for some, with the same operations in front of them; each family has room for its turns."""
    found: dict[object, list[int]] = defaultdict(list)
    for index, wire in enumerate(unit.wires):
        if isinstance(wire.operation, Hold) and index not in without:
            source = unit.wires[wire.operation.source]
            if shape_of(source) and _reads_slow(unit, source):
                found[_key(unit, wire.operation.source, _DEPTH), wire.operation.slot - source.slots.first].append(index)
    parts = []
    for members in found.values():
        hold = unit.wires[members[0]].operation
        assert isinstance(hold, Hold)
        size = _room(unit, hold.source, _DEPTH)
        parts += [tuple(members[i : i + size]) for i in range(0, len(members), size)]
    return [part for part in parts if len(part) >= _LEAST]


def _key(unit: Unit, index: int, depth: int) -> object:
    """The operations in front of a wire and its own, as far as some depth."""
    wire = unit.wires[index]
    slots = replace(wire.slots, first=0)
    if not depth or not shape_of(wire) or not _reads_slow(unit, wire):
        return slots
    read = sources(wire.operation)
    first = tuple(unit.wires[source].slots.first - wire.slots.first for source in read)
    return shape_of(wire), slots, first, tuple(_key(unit, source, depth - 1) for source in read)


def _room(unit: Unit, index: int, depth: int) -> int:
    """How many turns the fastest of these operations has room for."""
    wire = unit.wires[index]
    if not depth or not shape_of(wire) or not _reads_slow(unit, wire):
        return wire.slots.step
    return min(wire.slots.step, *(_room(unit, source, depth - 1) for source in sources(wire.operation)))


def _reads_slow(unit: Unit, wire: Wire) -> bool:
    return all(is_slow(unit.wires[source], _LEAST) for source in sources(wire.operation))


def is_slow(wire: Wire, count: int) -> bool:
    """Whether the slots of a wire have room for `count` turns."""
    return not wire.slots.serial and wire.slots.step >= count


def shape_of(wire: Wire) -> Operation | None:
    """The operation of a wire without its sources and its first slot; None where it takes no turns."""
    shape = renumbered(wire, {source: number for number, source in enumerate(sources(wire.operation))}).operation
    match shape:
        case Sum() | Product():
            return replace(shape, slots=replace(wire.slots, first=0))
        case Reduce():
            return replace(shape, first=shape.first - wire.slots.first) if shape.interleave == 1 else None
        case Level():
            return shape
    return None
