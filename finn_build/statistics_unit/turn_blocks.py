"""What turns are taken with, in SystemVerilog: multiplexers of held wires, memories, accumulators of uneven windows."""

from __future__ import annotations

import numpy as np

from finn_build.statistics_unit.elements import at_delay, slots_around
from finn_build.statistics_unit.schedule import Schedule
from finn_build.statistics_unit.signals import Signals
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Interleave, Recall, Running, Serial, Slots


def serial_block(signals: Signals, unit: Unit, timing: Schedule, index: int, serial: Serial) -> None:
    """A multiplexer; its number is there a cycle earlier."""
    wire, begin, count = unit.wires[index], serial.first + timing.latency[index] - 1, len(serial.sources)
    turn = signals.in_turn(0, count - 1, {begin - 1 + k: k for k in range(count)}) if begin else "age"
    inputs = signals.declare_array(wire.low, wire.high, count)
    for number, source in enumerate(serial.sources):
        signals.assign(f"{inputs}[{number}]", signals.name(source))
    signals.register(signals.declare_wire(index), f"{inputs}[{turn}]", None)


def interleave_block(signals: Signals, unit: Unit, timing: Schedule, index: int, interleave: Interleave) -> None:
    """A multiplexer; registers keep what comes before its turn."""
    ready, text = timing.latency[index] - 1, "0"
    for source, later in reversed(interleave.turns):
        now, wire = signals.delayed(source, 0, ready - timing.latency[source]), unit.wires[source]
        if later:
            kept = signals.declare(wire.low, wire.high)
            signals.register(kept, now, signals.when(wire.slots, ready))
            now = signals.as_signed(kept, wire.low)
        turn = signals.when(at_delay(wire.slots, -later), ready)
        text = f"{turn} ? {now} : {text}"
    signals.register(signals.declare_wire(index), text, None)


def recall_block(signals: Signals, unit: Unit, timing: Schedule, index: int, recall: Recall) -> None:
    """What is kept of each wire, and a multiplexer; all memories are read at one place."""
    wire, begin, kept = unit.wires[index], timing.latency[index] - 2, recall.kept()
    numbers = {source: number for number, source in enumerate(kept)}
    deepest = max(map(len, kept.values()))
    place = turn = "0"
    if deepest > 1:
        places = {begin + k: kept[source].index(slot) for k, (source, slot) in enumerate(recall.order)}
        place = signals.in_turn(0, deepest - 1, places)
    if len(kept) > 1:
        turns = {begin + k: numbers[source] for k, (source, _) in enumerate(recall.order)}
        turn = signals.in_turn(0, len(kept) - 1, turns)
    inputs = signals.declare_array(wire.low, wire.high, len(kept))
    for source, slots in kept.items():
        signals.assign(f"{inputs}[{numbers[source]}]", _kept(signals, unit, timing, source, slots, place))
    signals.register(signals.declare_wire(index), f"{inputs}[{turn}]", None)


def _kept(signals: Signals, unit: Unit, timing: Schedule, source: int, slots: list[int], place: str) -> str:
    """What a memory of these slots has at a place, beside a word for others; a register, if it is only one slot."""
    wire, name, written = unit.wires[source], signals.name(source), timing.latency[source]
    if wire.held:
        return name
    if len(slots) == 1:
        one = signals.declare(wire.low, wire.high)
        signals.register(one, name, signals.when(Slots(slots[0], 1, 1, wire.slots.serial), written))
        return one
    around, count = slots_around(np.array(slots), wire.slots.serial), len(slots)
    places = {slot: number for number, slot in enumerate(slots)}
    if wire.slots.serial:
        write = signals.in_turn(0, count, {slot + written - 1: number for slot, number in places.items()}, count)
    else:
        selector = f"{signals.late(around.last)}slot[{signals.at(written - 1)}]"
        write = signals.chosen(0, count, selector, places, count)
    memory = signals.declare_array(wire.low, wire.high, count + 1)
    signals.register(f"{memory}[{write}]", name, signals.when(around, written))
    return f"{memory}[{place}]"


def running_block(signals: Signals, unit: Unit, timing: Schedule, index: int, running: Running) -> None:
    """An accumulator that begins anew at some slots."""
    at = timing.latency[running.source] - 1
    begins = signals.in_turn(0, 1, {slot + at: 1 for slot in running.starts})
    text = signals.read(running.source)
    name = signals.declare_wire(index)
    so_far = signals.as_signed(name, unit.wires[index].low)
    signals.register(name, accumulated(running.kind, begins, text, so_far), None)


def accumulated(kind: str, begins: str, text: str, so_far: str) -> str:
    """What an accumulator loads: the number alone where it begins, else with what it has so far.

    An adder of the number and 0 is smaller than a choice behind the adder.
    """
    symbol = {"max": ">", "min": "<"}.get(kind)
    if symbol is None:
        return f"{text} + ({begins} ? 1'sd0 : {so_far})"
    return f"({begins} || {text} {symbol} {so_far}) ? {text} : {so_far}"
