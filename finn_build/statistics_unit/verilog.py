"""The unit in SystemVerilog: a module of registers, one block a wire."""

from __future__ import annotations

from finn_build.statistics_unit.modules import MODULE
from finn_build.statistics_unit.schedule import Schedule
from finn_build.statistics_unit.signals import Signals
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
