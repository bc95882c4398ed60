"""SystemVerilog of one level: factor, offset, shift, limits."""

from __future__ import annotations

from finn_build.statistics_unit.schedule import Schedule
from finn_build.statistics_unit.signals import Signals, constant
from finn_build.statistics_unit.stages import (
    Digit,
    digits,
    limits,
    multiplies,
    only_shifts,
    product_range,
    total_range,
    weighs,
)  # fmt: skip
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Level, Term, Wire, width


def level_block(signals: Signals, unit: Unit, timing: Schedule, index: int, level: Level) -> None:
    """Declare and assign the wire of a level."""
    source = unit.wires[level.source]
    low, high = total_range(level, source)
    text = signals.read(level.source)
    at = timing.latency[level.source]
    if weighs(level, source):
        signals.result(index, _weighted(signals, level, source, text, at), '(* use_dsp = "no" *) ')
        return
    if multiplies(level):
        text = _multiplied(signals, level, source, text, at)
    else:
        bits = width(min(low, -1), max(high, 0)) + 2
        parts = [
            shifted(text, Digit(Term(level.source, 1, 0), *digit), source)
            for digit in sorted(digits(level.factors[0]), reverse=True)
        ]
        text = " + ".join([*parts, constant(level.offsets[0], bits)]) if level.offsets != (0,) else " + ".join(parts)
    if not limits(level, source):
        signals.result(index, _right(signals, text, low, high, level.shift))
        return
    if not only_shifts(level) or multiplies(level):
        name = signals.declare(low, high)
        signals.register(name, text, None)
        text = signals.as_signed(name, low)
    signals.result(index, _limited(signals, level, text, low, high))


def _right(signals: Signals, text: str, low: int, high: int, shift: int) -> str:
    """Shifted to the right, after it has been given a width of its own."""
    if not shift:
        return text
    name = signals.declare(low, high)
    signals.assign(name, text)
    return f"({signals.as_signed(name, low)} >>> {shift})"


def _limited(signals: Signals, level: Level, text: str, low: int, high: int) -> str:
    total = signals.declare(min(low, 0), high)
    signals.assign(total, text)
    text = f"({signals.as_signed(total, min(low, 0))} >>> {level.shift})"
    least, most = (low >> level.shift) - level.to_even, high >> level.shift
    if level.to_even:
        whole = f"{total}[{level.shift - 1}:0] == 0 && " if level.shift else ""
        text = f"({text} - $signed({{1'b0, {whole}{total}[{level.shift}]}}))"
    value = signals.declare(min(least, 0), most)
    signals.assign(value, text)
    text = result = signals.as_signed(value, min(least, 0))
    bits = width(min(least, -1), max(most, 0)) + 1
    if level.most is not None and level.most < most:
        result = f"({text} > {constant(level.most, bits)} ? {constant(level.most, bits)} : {result})"
    if level.least is not None and level.least > least:
        result = f"({text} < {constant(level.least, bits)} ? {constant(level.least, bits)} : {result})"
    return result


def _weighted(signals: Signals, level: Level, source: Wire, text: str, at: int) -> str:
    """Registers at the inputs; the product in LUTs is left to the reader."""
    operand = signals.declare(min(source.low, 0), max(source.high, 0))
    signals.register(operand, text, None)
    return f"{signals.as_signed(operand, min(source.low, 0))} * {_table(signals, level.factors, source, at)}"


def _multiplied(signals: Signals, level: Level, source: Wire, text: str, at: int) -> str:
    """Registers at the inputs and behind the multiplier; the sum with the offset is left to the reader."""
    operand = signals.declare(min(source.low, 0), max(source.high, 0))
    signals.register(operand, text, None)
    product = signals.declare(*product_range(level, source), '(* use_dsp = "yes" *) ')
    factor = _table(signals, level.factors, source, at)
    signals.register(product, f"{signals.as_signed(operand, min(source.low, 0))} * {factor}", None)
    offset = _table(signals, level.offsets, source, at + 1)
    return f"{signals.as_signed(product, product_range(level, source)[0])} + {offset}"


def _table(signals: Signals, values: tuple[int, ...], source: Wire, at: int) -> str:
    """A number for each slot of the source, one cycle after latency `at`; or the only one."""
    low, high = min(*values, 0), max(*values, 0)
    if len(values) == 1:
        return constant(values[0], width(min(low, -1), high) + 1)
    by_slot = dict(zip(source.slots, values, strict=True))
    if source.slots.serial:
        name = signals.in_turn(low, high, {slot + at: value for slot, value in by_slot.items()})
    else:
        name = signals.chosen(low, high, f"{signals.late(source.slots.last)}slot[{signals.at(at)}]", by_slot)
    return signals.as_signed(name, low)


def shifted(text: str, digit: Digit, source: Wire) -> str:
    """An addend, wide enough for its shift and its sign."""
    bits = width(min(source.low, -1), max(source.high, 0)) + digit.shift + (digit.sign < 0)
    shifted = f"({bits}'({text}) <<< {digit.shift})" if digit.shift else f"{bits}'({text})"
    return f"(-{shifted})" if digit.sign < 0 else shifted
