"""The unit in SystemVerilog: a module of registers, one block a wire."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finn_build.statistics_unit.schedule import Schedule
from finn_build.statistics_unit.signals import Signals, constant
from finn_build.statistics_unit.stages import (
    Digit,
    addends,
    digits,
    in_dsp,
    limits,
    multiplies,
    only_shifts,
    product_range,
    stages,
    total_range,
)
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import (
    Hold,
    Input,
    Level,
    Product,
    Reduce,
    Serial,
    Slots,
    Sum,
    Term,
    Wire,
    width,
)  # fmt: skip

MODULE = "statistics_unit"
PARTS = tuple(Path(__file__).with_name(name) for name in ("frame_gate.sv", "delay_line.sv", "result_queue.sv"))
"""SystemVerilog of the modules that are inside the unit's module."""
FRAMES_INSIDE = 4
"""Frames that are in the unit at most, with those whose results wait to be taken."""


def unit_module(unit: Unit, timing: Schedule) -> str:
    """SystemVerilog text of the module; its ports are named as FINN names those of a layer."""
    signals = Signals(unit, timing)
    for index, wire in enumerate(unit.wires):
        signals.note(f"wire {index}: {wire.low} to {wire.high}, {_what(wire)}")
        _emit(signals, unit, timing, index)
    signals.finish()
    output = unit.wires[unit.output]
    give = signals.when(output.slots, timing.latency[unit.output])
    bits_in, bits_out = 16 * unit.lanes, 8 * ((output.bits + 7) // 8)
    slot_bits = (unit.beats + 2 * timing.fillers).bit_length()
    return "\n".join([
        f"// A network as a pipeline; written by the build from its QONNX graph. {len(unit.wires)} wires.",
        "//",
        "// A slot is a beat of a frame or a filler behind it. tick[n] and slot[n] are those of the gate, n cycles",
        "// later. age counts the cycles of the serial part, which begins when all numbers of a frame are held.",
        f"module {MODULE} (",
        "\tinput\tlogic  ap_clk,",
        "\tinput\tlogic  ap_rst_n,",
        f"\tinput\tlogic [{bits_in - 1}:0]  in0_V_TDATA,",
        "\tinput\tlogic  in0_V_TVALID,",
        "\toutput\tlogic  in0_V_TREADY,",
        f"\toutput\tlogic [{bits_out - 1}:0]  out0_V_TDATA,",
        "\toutput\tlogic  out0_V_TVALID,",
        "\tinput\tlogic  out0_V_TREADY",
        ");",
        f"\tuwire [{bits_in - 1}:0]  word;",
        "\tuwire  left;",
        f"\tlogic  tick[{signals.deepest + 1}];",
        f"\tlogic [{slot_bits - 1}:0]  slot[{signals.deepest + 1}];",
        f"\tframe_gate #(.BITS({bits_in}), .BEATS({unit.beats}), .FILLERS({timing.fillers}), "
        f".SLOT_BITS({slot_bits}), .IN_FLIGHT({FRAMES_INSIDE})) gate (",
        "\t\t.ap_clk, .ap_rst_n, .s_axis_tdata(in0_V_TDATA), .s_axis_tvalid(in0_V_TVALID),",
        "\t\t.s_axis_tready(in0_V_TREADY), .tick(tick[0]), .slot(slot[0]), .word, .left",
        "\t);",
        f"\tfor(genvar  i = 1; i <= {signals.deepest}; i++) begin : genSlots",
        "\t\talways_ff @(posedge ap_clk) begin",
        "\t\t\ttick[i] <= ap_rst_n && tick[i-1];",
        "\t\t\tslot[i] <= slot[i-1];",
        "\t\tend",
        "\tend : genSlots",
        f"\tlogic [{signals.age_bits - 1}:0]  age = '1;",
        "",
        *signals.lines,
        "",
        "\talways_ff @(posedge ap_clk) begin",
        "\t\tif(!ap_rst_n)  age <= '1;",
        f"\t\telse if({signals.starts})  age <= '0;",
        "\t\telse if(age != '1)  age <= age + 1;",
        "\tend",
        f"\tresult_queue #(.WIDTH({output.bits}), .RESULTS({unit.classes}), .FRAMES({FRAMES_INSIDE})) queue (",
        f"\t\t.ap_clk, .ap_rst_n, .give({give}), .result({signals.name(unit.output)}),",
        "\t\t.m_axis_tdata(out0_V_TDATA), .m_axis_tvalid(out0_V_TVALID), .m_axis_tready(out0_V_TREADY), .left",
        "\t);",
        "endmodule",
        "",
    ])  # fmt: skip


def _what(wire: Wire) -> str:
    return type(wire.operation).__name__.lower()


def _emit(signals: Signals, unit: Unit, timing: Schedule, index: int) -> None:
    operation = unit.wires[index].operation
    match operation:
        case Input(element):
            signals.register(signals.declare_wire(index), f"$signed(word[{8 * element} +: 8])", None)
        case Level():
            _level(signals, unit, timing, index, operation)
        case Sum(terms):
            _sum(signals, unit, timing, index, terms)
        case Product(left, right):
            sides = [_operand(signals, unit, timing, index, term) for term in (left, right)]
            _product(signals, unit, index, sides, in_dsp(unit.wires[left.source], unit.wires[right.source]))
        case Reduce():
            _reduce(signals, unit, timing, index, operation)
        case Hold(source, slot):
            now = signals.when(Slots(slot, 1, 1, serial=False), timing.latency[source])
            signals.register(signals.declare_wire(index), signals.read(source), now)
        case Serial(sources, first):
            begin = first + timing.latency[index] - 1
            cases = [(begin + k, signals.read(source)) for k, source in enumerate(sources)]
            signals.choice(signals.declare_wire(index), "age", cases)


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
        level.append((_shifted(text, digit, source), *_signed_range(digit, low, high)))
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


def _shifted(text: str, digit: Digit, source: Wire) -> str:
    """An addend, wide enough for its shift and its sign."""
    bits = width(min(source.low, -1), max(source.high, 0)) + digit.shift + (digit.sign < 0)
    shifted = f"({bits}'({text}) <<< {digit.shift})" if digit.shift else f"{bits}'({text})"
    return f"(-{shifted})" if digit.sign < 0 else shifted


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


def _level(signals: Signals, unit: Unit, timing: Schedule, index: int, level: Level) -> None:
    source = unit.wires[level.source]
    low, high = total_range(level, source)
    text = signals.read(level.source)
    at = timing.latency[level.source]
    if multiplies(level):
        text = _multiplied(signals, level, source, text, at)
    else:
        bits = width(min(low, -1), max(high, 0)) + 2
        parts = [
            _shifted(text, Digit(Term(level.source, 1, 0), *digit), source)
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
    bits = width(min(low, -1), high) + 1
    if len(values) == 1:
        return constant(values[0], bits)
    name = signals.declare(low, high)
    selector, offset = ("age", at) if source.slots.serial else (f"slot[{signals.at(at)}]", 0)
    cases = [(slot + offset, constant(value, bits)) for slot, value in zip(source.slots, values, strict=True)]
    signals.choice(name, selector, cases)
    return signals.as_signed(name, low)


def _reduce(signals: Signals, unit: Unit, timing: Schedule, index: int, reduce: Reduce) -> None:
    """An accumulator; with windows side by side they move on in a ring."""
    serial, at = unit.wires[reduce.source].slots.serial, timing.latency[reduce.source]
    block = reduce.interleave * reduce.count
    used = signals.when(Slots(reduce.first, reduce.step, block * reduce.windows, serial), at)
    begins = [
        signals.when(Slots(reduce.first + i * reduce.step, block * reduce.step, reduce.windows, serial), at)
        for i in range(reduce.interleave)
    ]
    name, text = signals.declare_wire(index), signals.read(reduce.source)
    before = name
    if reduce.interleave > 1:
        wire = unit.wires[index]
        before = signals.declare(wire.low, wire.high)
        signals.line(before, name, wire.bits, reduce.interleave - 1, used)
    so_far = signals.as_signed(before, unit.wires[index].low)
    symbol = {"max": ">", "min": "<"}.get(reduce.kind)
    added = f"{text} + {so_far}" if symbol is None else f"({text} {symbol} {so_far} ? {text} : {so_far})"
    signals.register(name, f"{' || '.join(begins)} ? {text} : {added}", used)
