"""The unit in SystemVerilog: a module of registers, one block a wire."""

from __future__ import annotations

from finn_build.statistics_unit.modules import MODULE
from finn_build.statistics_unit.schedule import Schedule
from finn_build.statistics_unit.signals import Signals
from finn_build.statistics_unit.table_blocks import table_modules
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wire_blocks import wire_block
from finn_build.statistics_unit.wires import Wire

FRAMES_INSIDE = 4
"""Frames that are in the unit at most, with those whose results wait to be taken."""


def unit_module(unit: Unit, timing: Schedule) -> str:
    """SystemVerilog text of the module; its ports are named as FINN names those of a layer."""
    signals = Signals(unit, timing)
    for index, wire in enumerate(unit.wires):
        signals.note(f"wire {index}: {wire.low} to {wire.high}, {_what(wire)}")
        wire_block(signals, unit, timing, index)
    tables = table_modules(signals, unit)
    output = unit.wires[unit.output]
    give = signals.when(output.slots, timing.latency[unit.output])
    signals.finish()
    bits_in, bits_out = 16 * unit.lanes, 8 * ((output.bits + 7) // 8)
    slot_bits = (unit.beats + timing.fillers + max(timing.fillers, timing.late)).bit_length()
    return "\n".join([
        f"// A network as a pipeline; written by the build from its QONNX graph. {len(unit.wires)} wires.",
        "//",
        "// A slot is a beat of a frame or a filler behind it. tick[n] and slot[n] are those of the gate, n cycles",
        "// later; late_tick and late_slot go on behind the fillers. age counts the cycles of the serial part, which",
        "// begins when all numbers of a frame are held.",
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
        *_declared("", slot_bits, signals.deepest),
        f"\tframe_gate #(.BITS({bits_in}), .BEATS({unit.beats}), .FILLERS({timing.fillers}), "
        f".SLOT_BITS({slot_bits}), .IN_FLIGHT({FRAMES_INSIDE})) gate (",
        "\t\t.ap_clk, .ap_rst_n, .s_axis_tdata(in0_V_TDATA), .s_axis_tvalid(in0_V_TVALID),",
        "\t\t.s_axis_tready(in0_V_TREADY), .tick(tick[0]), .slot(slot[0]), .word, .left",
        "\t);",
        *_pipeline("", signals.deepest),
        *(_late_slots(timing, unit.beats, slot_bits, signals.deepest) if timing.late else []),
        f"\tlogic [{signals.age_bits - 1}:0]  age = '1;",
        "",
        *signals.program.instance(),
        *signals.moments,
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
        *tables,
        *signals.program.module(),
        "",
    ])  # fmt: skip


def _what(wire: Wire) -> str:
    return type(wire.operation).__name__.lower()


def _declared(prefix: str, bits: int, deepest: int) -> list[str]:
    return [
        f"\tlogic  {prefix}tick[{deepest + 1}];",
        f"\tlogic [{bits - 1}:0]  {prefix}slot[{deepest + 1}];",
    ]


def _pipeline(prefix: str, deepest: int) -> list[str]:
    """Slots, some cycles later."""
    return [
        f"\tfor(genvar  i = 1; i <= {deepest}; i++) begin : gen_{prefix}slots",
        "\t\talways_ff @(posedge ap_clk) begin",
        f"\t\t\t{prefix}tick[i] <= ap_rst_n && {prefix}tick[i-1];",
        f"\t\t\t{prefix}slot[i] <= {prefix}slot[i-1];",
        "\t\tend",
        f"\tend : gen_{prefix}slots",
    ]


def _late_slots(timing: Schedule, beats: int, bits: int, deepest: int) -> list[str]:
    """Slots that go on behind the fillers, a cycle each; those of the next frame's first beats are left out then."""
    last = beats + timing.fillers - 1
    return [
        *_declared("late_", bits, deepest),
        f"\tlogic [{bits - 1}:0]  late = 0;   // a slot behind the fillers, or 0",
        "\talways_ff @(posedge ap_clk) begin",
        f"\t\tif(!ap_rst_n || late == {last + timing.late})  late <= 0;",
        "\t\telse if(late != 0)  late <= late + 1;",
        f"\t\telse if(tick[0] && slot[0] == {last})  late <= {last + 1};",
        "\tend",
        "\tassign\tlate_tick[0] = tick[0] || late != 0;",
        "\tassign\tlate_slot[0] = late != 0? late : slot[0];",
        *_pipeline("late_", deepest),
    ]
