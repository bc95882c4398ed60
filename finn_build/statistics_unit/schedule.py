"""When each wire has its integers, in clock cycles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from finn_build.statistics_unit.elements import at_delay
from finn_build.statistics_unit.ranges import reads_outside
from finn_build.statistics_unit.stages import stages
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import (
    Hold,
    Input,
    Interleave,
    Product,
    Recall,
    Serial,
    Slots,
    Sum,
    Term,
    Wire,
    sources,
)  # fmt: skip
from radioml.errors import RadioMLError


@dataclass(frozen=True)
class Schedule:
    """The unit's timing.

    fillers: slots of a frame behind its beats. late: slots behind these, each a cycle, in which turns end and the next
    frame may begin. latency: of each wire, cycles from a slot's beat, or in the serial part from a slot's cycle, to the
    cycle in which the wire has the slot's integer. start: cycles from a frame's last filler to the first of the serial
    part. length: cycles of the serial part. masked: wires that are 0 where they carry nothing. turned: wires in which
    others take turns.
    """

    fillers: int
    late: int
    latency: tuple[int, ...]
    start: int
    length: int
    masked: frozenset[int]
    turned: frozenset[int]

    def ready(self, unit: Unit, wire: int) -> int:
        """Cycle of the serial part in which a wire has its first integer."""
        return unit.wires[wire].slots.first + self.latency[wire]


def age_bits(timing: Schedule) -> int:
    """Width of the counter of the serial part's cycles, which stays at its highest number beside them."""
    return (timing.length + 1).bit_length()


def terms_of(wire: Wire) -> tuple[tuple[Term, ...], Slots]:
    """What an operation reads with delays, and at which slots."""
    match wire.operation:
        case Sum(terms, slots):
            return terms, slots
        case Product(left, right, slots):
            return (left, right), slots
        case Interleave():
            return (), wire.slots
    return tuple(Term(source, 1, 0) for source in sources(wire.operation)), wire.slots


def schedule(unit: Unit) -> Schedule:
    """The timing of a unit.

    Raises RadioMLError for zeros around a signal that is slower than the beats, and for a serial part that is longer
    than a frame.
    """
    total, masked, turned = _frame(unit)
    latency = latencies(unit)
    start = 2
    for wire in unit.wires:
        for source, slot, _ in _kept(unit, wire):
            start = max(start, slot + latency[source] + 1 - (total - 1))
    output = unit.wires[unit.output]
    length = output.slots.last + latency[unit.output] + 1
    late = late_slots(unit)
    found = Schedule(total - unit.beats, late, tuple(latency), start, length, frozenset(masked), frozenset(turned))
    _check_lives(unit, found)
    return found


def late_slots(unit: Unit) -> int:
    """What `Schedule` says of them."""
    last = max(wire.slots.last for wire in unit.wires if not wire.slots.serial)
    return max(0, last + 1 - _frame(unit)[0])


def _frame(unit: Unit) -> tuple[int, set[int], set[int]]:
    """Slots of a frame without late ones, wires that are 0 where they carry nothing, and those with turns."""
    turned: set[int] = set()
    masked: set[int] = set()
    total = unit.beats
    for index, wire in enumerate(unit.wires):
        if wire.slots.serial:
            continue
        if isinstance(wire.operation, Interleave) or turned.intersection(sources(wire.operation)):
            turned.add(index)
        else:
            total = max(total, wire.slots.last + 1)
        for term, outside in _outside(unit, wire):
            source = unit.wires[term.source]
            if source.slots.step > 1:
                raise RadioMLError(
                    "it pads a signal that is slower than its input with zeros, for which there is no RTL"
                )
            total = max(total, source.slots.last - outside + 1)
            if not isinstance(source.operation, Input):
                masked.add(term.source)
    return total, masked, turned


def latencies(unit: Unit) -> list[int]:
    """Of each wire, what `Schedule` says of it."""
    latency: list[int] = []
    for wire in unit.wires:
        latency.append(
            _operands_ready(unit, wire, latency) + stages(wire, tuple(unit.wires[s] for s in sources(wire.operation)))
        )
    return latency


def _outside(unit: Unit, wire: Wire) -> list[tuple[Term, int]]:
    """The terms of a wire that read where their source carries nothing, and the first slot that they read."""
    terms, slots = terms_of(wire)
    read = [(term, at_delay(slots, term.delay)) for term in terms]
    return [(term, at.first) for term, at in read if reads_outside(unit.wires[term.source].slots, at)]


def _operands_ready(unit: Unit, wire: Wire, latency: list[int]) -> int:
    """Latency at which all operands of an operation are there."""
    match wire.operation:
        case Input():
            return 0
        case Hold(source, slot):
            return slot + latency[source] if unit.wires[source].slots.serial else 0
        case Recall(order):
            return max(_word_ready(unit, latency, *word) - position for position, word in enumerate(order))
    found = []
    for position, source in enumerate(sources(wire.operation)):
        read = unit.wires[source]
        needed = wire.slots.first + (position if isinstance(wire.operation, Serial) else 0)
        found.append(read.slots.first + latency[source] - needed if read.held else latency[source])
    return max(found)


def _word_ready(unit: Unit, latency: list[int], source: int, slot: int) -> int:
    """Cycle of the serial part in which a wire has the integer of a slot; 0 for what the frame has given by then."""
    wire = unit.wires[source]
    if wire.held:
        return wire.slots.first + latency[source]
    return slot + latency[source] if wire.slots.serial else 0


def _kept(unit: Unit, wire: Wire) -> list[tuple[int, int, int]]:
    """What an operation keeps of the frame: a wire and a slot of it, and the operation's last slot that reads it."""
    match wire.operation:
        case Hold(source, slot):
            found = [(source, slot, 0)]
        case Recall(order):
            found = [(source, slot, position) for position, (source, slot) in enumerate(order)]
        case _:
            return []
    return [
        (s, slot, position) for s, slot, position in found if not (unit.wires[s].held or unit.wires[s].slots.serial)
    ]


def _check_lives(unit: Unit, found: Schedule) -> None:
    """Raise RadioMLError unless all that is held is read before the next frame's replaces it."""
    frame = unit.beats + found.fillers
    problem = RadioMLError(
        f"the layers behind the statistics take {found.length} cycles a frame, a frame comes every {frame}; use fewer "
        "hidden units"
    )
    if found.length > frame:
        raise problem
    for index, wire in enumerate(unit.wires):
        for kept, slot, read in _read_behind(unit, wire):
            replaced = slot + found.latency[kept] + 1 - found.start
            if read + found.latency[index] - 1 > replaced:
                raise problem


def _read_behind(unit: Unit, wire: Wire) -> Iterator[tuple[int, int, int]]:
    """The wires of the frame and their slots whose kept integers an operation reads, and its slot that reads last."""
    if isinstance(wire.operation, Recall):
        yield from _kept(unit, wire)
        reads = [(source, position) for position, (source, _) in enumerate(wire.operation.order)]
    elif isinstance(wire.operation, Serial):
        reads = [(source, wire.slots.first + position) for position, source in enumerate(wire.operation.sources)]
    else:
        reads = [(source, wire.slots.last) for source in sources(wire.operation)]
    for source, read in reads:
        if isinstance(unit.wires[source].operation, Hold):
            yield from ((kept, slot, read) for kept, slot, _ in _kept(unit, unit.wires[source]))
