"""What turns are taken with, in SystemVerilog: multiplexers of held wires, memories, accumulators of uneven windows."""

from __future__ import annotations

from finn_build.statistics_unit.elements import at_delay
from finn_build.statistics_unit.schedule import Schedule
from finn_build.statistics_unit.signals import Signals
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Interleave, Recall, Running, Serial


def serial_block(signals: Signals, unit: Unit, timing: Schedule, index: int, serial: Serial) -> None:
    """A multiplexer; its number is there a cycle earlier."""
    wire, begin = unit.wires[index], serial.first + timing.latency[index] - 1
    if begin:
        count = len(serial.sources)
        turn = signals.declare(0, count - 1)
        signals.choice(turn, "age", [(begin - 1 + k, str(k)) for k in range(count)])
    else:
        turn = "age"
    inputs = signals.declare_array(wire.low, wire.high, len(serial.sources))
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
    """A memory of the slots that are read, and a word that takes what comes at others."""
    source, written = unit.wires[recall.source], timing.latency[recall.source]
    kept = {slot: place for place, slot in enumerate(sorted(set(recall.order)))}
    write, read = signals.declare(0, len(kept)), signals.declare(0, len(kept))
    signals.choice(write, "age", [(slot + written - 1, str(place)) for slot, place in kept.items()], str(len(kept)))
    begin = timing.latency[index] - 2
    signals.choice(read, "age", [(begin + k, str(kept[slot])) for k, slot in enumerate(recall.order)])
    memory = signals.declare_array(source.low, source.high, len(kept) + 1)
    signals.register(f"{memory}[{write}]", signals.name(recall.source), None)
    signals.register(signals.declare_wire(index), f"{memory}[{read}]", None)


def running_block(signals: Signals, unit: Unit, timing: Schedule, index: int, running: Running) -> None:
    """An accumulator that begins anew at some slots."""
    begins = signals.declare(0, 1)
    at = timing.latency[running.source] - 1
    signals.choice(begins, "age", [(slot + at, "1") for slot in running.starts], "0")
    text = signals.read(running.source)
    name = signals.declare_wire(index)
    so_far = signals.as_signed(name, unit.wires[index].low)
    signals.register(name, f"{begins} ? {text} : {text} + {so_far}", None)
