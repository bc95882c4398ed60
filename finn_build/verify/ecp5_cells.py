"""Behaviour of the ECP5's cells that Yosys' library declares without behaviour, as Verilog.

DP16KD, after FPGA-TN-02204 (ECP5 memory usage guide): a memory of 1024 words of 18 bits, two ports of 1, 2, 4, 9 or 18
bits, or one to write and one to read 36 bits. A port narrower than 9 bits leaves every ninth bit out. MULT18X18D, after
FPGA-TN-02205 (sysDSP usage guide): a product of 18 by 18 bits, each signed or not. EHXPLLL passes its input clock on. A
netlist that asks for more (registers inside the cells, an asynchronous reset, an inverted clock) is an error.
"""

from __future__ import annotations

ECP5_CELLS = ("DP16KD", "EHXPLLL", "MULT18X18D")


def ecp5_cell(cell: str) -> str:
    """Verilog of one of `ECP5_CELLS`."""
    return {"DP16KD": _block_ram, "EHXPLLL": _pll, "MULT18X18D": _multiplier}[cell]()


def _block_ram() -> str:
    lines = [f"INITVAL_{line:02X}" for line in range(64)]
    ports = ",\n  ".join(
        f"input {_pins('DI' + side, 18)},\n  input {_pins('AD' + side, 14)},\n  input CE{side}, OCE{side}, CLK{side}, "
        f"WE{side}, RST{side}, CS{side}2, CS{side}1, CS{side}0,\n  output {_pins('DO' + side, 18)}"
        for side in "AB"
    )
    fixed = {f"{name}{side}": value for side in "AB" for name, value in (("REGMODE_", "NOREG"), ("CSDECODE_", "0b000"))}
    fixed |= {"CLKAMUX": "CLKA", "CLKBMUX": "CLKB"}
    return f"""module DP16KD (
  {ports}
);
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18, WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
  parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC", GSR = "AUTO";
{_parameters(fixed)}
  parameter [319:0] {", ".join(f"{line} = 320'd0" for line in lines)};
  wire [20479:0] content = {{{", ".join(reversed(lines))}}};
  reg [17:0] memory[0:1023];
  integer at;
  initial for (at = 0; at < 1024; at = at + 1) memory[at] = content[20 * at +: 18];
  initial if (DATA_WIDTH_B == 36 && WEB !== 1'b0) $fatal(1, "36 bits are written at port A alone");
{_port("A")}{_port("B")}
  assign {_bus("DOA", 18)} = DATA_WIDTH_B == 36 ? do_B : do_A;
  assign {_bus("DOB", 18)} = DATA_WIDTH_B == 36 ? high_B : do_B;
endmodule
"""


def _port(side: str) -> str:
    """One port of the block RAM. 36 bits are written at A and read at B, and take the data pins of both."""
    high = """
        if (DATA_WIDTH_A == 36)
          memory[word_A | 1] <= (memory[word_A | 1] & ~bytes_A[35:18]) | (di_B & bytes_A[35:18]);"""
    return f"""
  wire [13:0] ad_{side} = {_bus("AD" + side, 14)};
  wire [17:0] di_{side} = {_bus("DI" + side, 18)};
  wire [9:0] word_{side} = DATA_WIDTH_{side} == 36 ? {{ad_{side}[13:5], 1'b0}} : ad_{side}[13:4];
  localparam WORDS_{side} = DATA_WIDTH_{side} >= 18;
  wire [4:0] byte_{side} = ad_{side}[3] ? 9 : 0;
  wire [4:0] low_{side} = WORDS_{side} ? 0
    : DATA_WIDTH_{side} == 9 ? byte_{side} : byte_{side} + (ad_{side}[2:0] & (8 - DATA_WIDTH_{side}));
  wire [35:0] bytes_{side} =
    {{{{9{{ad_{side}[3]}}}}, {{9{{ad_{side}[2]}}}}, {{9{{ad_{side}[1]}}}}, {{9{{ad_{side}[0]}}}}}};
  wire [17:0] mask_{side} = WORDS_{side} ? bytes_{side}[17:0] : ((1 << DATA_WIDTH_{side}) - 1) << low_{side};
  wire [17:0] new_{side} = (memory[word_{side}] & ~mask_{side}) | ((di_{side} << low_{side}) & mask_{side});
  reg [17:0] do_{side} = 0, high_{side} = 0;
  always @(posedge CLK{side})
    if (RST{side}) begin
      do_{side} <= 0;
      high_{side} <= 0;
      if (RESETMODE != "SYNC") $fatal(1, "an asynchronous reset is not modelled");
    end
    else if (CE{side}) begin
      if (!WE{side} || WRITEMODE_{side} == "READBEFOREWRITE") do_{side} <= memory[word_{side}] >> low_{side};
      else if (WRITEMODE_{side} == "WRITETHROUGH") do_{side} <= new_{side} >> low_{side};
      if (!WE{side}) high_{side} <= memory[word_{side} | 1];
      if (WE{side}) begin
        memory[word_{side}] <= new_{side};{high if side == "A" else ""}
      end
    end
"""


def _multiplier() -> str:
    controls = [f"{name}{number}" for name in ("CLK", "CE", "RST") for number in range(4)]
    fixed = {f"REG_{name}_CLK": "NONE" for name in ("INPUTA", "INPUTB", "INPUTC", "PIPELINE", "OUTPUT")}
    return f"""module MULT18X18D (
  input {_pins("A", 18)},
  input {_pins("B", 18)},
  input {_pins("C", 18)},
  input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, {", ".join(controls)},
  output {_pins("P", 36)}
);
{_parameters(fixed)}
  wire [17:0] a = {_bus("A", 18)}, b = {_bus("B", 18)};
  wire signed [18:0] signed_a = {{SIGNEDA & a[17], a}}, signed_b = {{SIGNEDB & b[17], b}};
  wire signed [37:0] product = signed_a * signed_b;
  assign {_bus("P", 36)} = product[35:0];
endmodule
"""


def _pll() -> str:
    return """module EHXPLLL (
  input CLKI, CLKFB, PHASESEL1, PHASESEL0, PHASEDIR, PHASESTEP, PHASELOADREG, STDBY, PLLWAKESYNC, RST, ENCLKOP,
  output CLKOP, LOCK, CLKINTFB
);
  parameter CLKI_DIV = 1, CLKFB_DIV = 1, CLKOP_DIV = 8, CLKOP_CPHASE = 0, CLKOP_FPHASE = 0;
  parameter FEEDBK_PATH = "CLKOP", CLKOP_ENABLE = "ENABLED", PLLRST_ENA = "DISABLED", INTFB_WAKE = "DISABLED";
  parameter STDBY_ENABLE = "DISABLED", DPHASE_SOURCE = "DISABLED", OUTDIVIDER_MUXA = "DIVA", OUTDIVIDER_MUXB = "DIVB";
  parameter OUTDIVIDER_MUXC = "DIVC", OUTDIVIDER_MUXD = "DIVD";
  assign CLKOP = CLKI, LOCK = 1'b1, CLKINTFB = 1'b0;
endmodule
"""


def _parameters(fixed: dict[str, str]) -> str:
    """Parameters that have one value in all netlists that are modelled, and a check of it."""
    declared = ", ".join(f'{name} = "{value}"' for name, value in fixed.items())
    other = " || ".join(f'{name} != "{value}"' for name, value in fixed.items())
    return f'  parameter {declared};\n  initial if ({other}) $fatal(1, "a mode of the cell that is not modelled");'


def _pins(name: str, bits: int) -> str:
    return ", ".join(f"{name}{bit}" for bit in reversed(range(bits)))


def _bus(name: str, bits: int) -> str:
    return f"{{{_pins(name, bits)}}}"
