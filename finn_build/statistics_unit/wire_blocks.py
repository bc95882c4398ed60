"""SystemVerilog of one wire: the registers of its operation."""

from __future__ import annotations

from collections.abc import Sequence

from finn_build.statistics_unit.level_blocks import level_block, shifted
from finn_build.statistics_unit.moments import Moments
from finn_build.statistics_unit.schedule import Schedule
from finn_build.statistics_unit.signals import Signals
from finn_build.statistics_unit.stages import Digit, addends, in_dsp, stages
from finn_build.statistics_unit.table_blocks import table_block
from finn_build.statistics_unit.turn_blocks import (
    accumulated,
    interleave_block,
    recall_block,
    running_block,
    serial_block,
)
from finn_build.statistics_unit.unit import Unit
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
    Table,
    Term,
    Wire,
)  # fmt: skip


def wire_block(signals: Signals, unit: Unit, timing: Schedule, index: int) -> None:
    """Declare and assign the wire of this number."""
    operation = unit.wires[index].operation
    match operation:
        case Input(element):
            signals.register(signals.declare_wire(index), f"$signed(word[{8 * element} +: 8])", None)
        case Level():
            level_block(signals, unit, timing, index, operation)
        case Sum(terms):
            _sum(signals, unit, timing, index, terms)
        case Product(left, right):
            sides = [_operand(signals, unit, timing, index, term) for term in (left, right)]
            _product(signals, unit, index, sides, in_dsp(unit.wires[left.source], unit.wires[right.source]))
        case Reduce():
            _reduce(signals, unit, timing, index, operation)
        case Hold(source, slot):
            now = signals.when(Slots(slot, 1, 1, unit.wires[source].slots.serial), timing.latency[source])
            signals.register(signals.declare_wire(index), signals.read(source), now)
        case Serial():
            serial_block(signals, unit, timing, index, operation)
        case Interleave():
            interleave_block(signals, unit, timing, index, operation)
        case Table():
            table_block(signals, index, operation)
        case Recall():
            recall_block(signals, unit, timing, index, operation)
        case Running():
            running_block(signals, unit, timing, index, operation)


def _operand(signals: Signals, unit: Unit, timing: Schedule, index: int, term: Term) -> str:
    """What a term reads, at the cycle in which the operation begins."""
    read = tuple(unit.wires[source] for source in _sources(unit.wires[index]))
    begins = timing.latency[index] - stages(unit.wires[index], read)
    if unit.wires[term.source].held:
        return signals.read(term.source)
    return signals.delayed(term.source, term.delay, begins - timing.latency[term.source])


def _sources(wire: Wire) -> tuple[int, ...]:
    operation = wire.operation
    if isinstance(operation, Product):
        return operation.left.source, operation.right.source
    return tuple(term.source for term in operation.terms) if isinstance(operation, Sum) else ()


def _sum(signals: Signals, unit: Unit, timing: Schedule, index: int, terms: tuple[Term, ...]) -> None:
    """Adders in a tree, a register behind each."""
    level: list[tuple[str, int, int]] = []
    for digit in addends(terms):
        source = unit.wires[digit.term.source]
        low, high = min(source.low, 0), max(source.high, 0)
        text = _operand(signals, unit, timing, index, digit.term)
        level.append((shifted(text, digit, source), *_signed_range(digit, low, high)))
    while len(level) > 2:
        following = []
        for pair in (level[i : i + 2] for i in range(0, len(level), 2)):
            low, high = sum(part[1] for part in pair), sum(part[2] for part in pair)
            name = signals.declare(low, high)
            signals.register(name, " + ".join(part[0] for part in pair), None)
            following.append((signals.as_signed(name, low), low, high))
        level = following
    signals.result(index, " + ".join(part[0] for part in level))


def _signed_range(digit: Digit, low: int, high: int) -> tuple[int, int]:
    ends = sorted(digit.sign * (end << digit.shift) for end in (low, high))
    return ends[0], ends[1]


def _product(signals: Signals, unit: Unit, index: int, sides: Sequence[str], dsp: bool) -> None:
    """Registers at the inputs, behind the multiplier, and in a DSP slice behind its adder."""
    wire = unit.wires[index]
    operation = wire.operation
    assert isinstance(operation, Product)
    inputs = []
    for text, term in zip(sides, (operation.left, operation.right), strict=True):
        source = unit.wires[term.source]
        inputs.append(signals.declare(min(source.low, 0), max(source.high, 0)))
        signals.register(inputs[-1], text, None)
        inputs[-1] = signals.as_signed(inputs[-1], min(source.low, 0))
    text = " * ".join(inputs)
    if dsp:
        name = signals.declare(wire.low, wire.high, '(* use_dsp = "yes" *) ')
        signals.register(name, text, None)
        text = signals.as_signed(name, wire.low)
    signals.result(index, text, "" if dsp else '(* use_dsp = "no" *) ')


def _reduce(signals: Signals, unit: Unit, timing: Schedule, index: int, reduce: Reduce) -> None:
    """An accumulator; with windows side by side they move on in a ring."""
    serial, at = unit.wires[reduce.source].slots.serial, timing.latency[reduce.source]
    block, last = reduce.interleave * reduce.count, unit.wires[index].slots.last
    used = signals.when(Slots(reduce.first, reduce.step, (last - reduce.first) // reduce.step + 1, serial), at)
    period, width = block * reduce.step, reduce.interleave * reduce.step
    behind = reduce.first + period * (reduce.windows - 1) + width
    begins = signals.during(Moments(reduce.first, behind - reduce.step, period, width, serial), at)
    name, text = signals.declare_wire(index), signals.read(reduce.source)
    before = name
    if reduce.interleave > 1:
        wire = unit.wires[index]
        before = signals.declare(wire.low, wire.high)
        signals.line(before, name, wire.bits, reduce.interleave - 1, used)
    so_far = signals.as_signed(before, unit.wires[index].low)
    signals.register(name, accumulated(reduce.kind, begins, text, so_far), used)
