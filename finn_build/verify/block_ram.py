"""Behaviour of the vendor's block RAMs, which Yosys' library declares without behaviour, as Verilog.

After UG473 (7 series) and UG573 (UltraScale): a memory of 9-bit bytes, 8 data bits and a parity bit, two ports of 1, 2,
4 or 8 bytes a word. A port also reads words of 1, 2 or 4 bits, of which a byte has 8, 4 or 2 in its data bits, the
lowest first. A port reads what was there before the edge. The widest word of a read or of a write takes the data pins
of both ports. A netlist that asks for anything else is an error: output registers, resets, a word below a byte that is
written, a port that reads and writes in another mode than READ_FIRST.
"""

from __future__ import annotations

BLOCK_RAMS = ("RAMB18E1", "RAMB18E2", "RAMB36E1", "RAMB36E2")


def block_ram(cell: str) -> str:
    """Verilog of one of `BLOCK_RAMS`."""
    large, second = "36" in cell, cell.endswith("E2")
    bits, enables = (32, 4) if large else (16, 2)  # of one port's data pins
    size, address = (4096, 16 if not second else 15) if large else (2048, 14)
    lines = size // 32
    if second:
        data_a, parity_a, data_b, parity_b = "DINADIN", "DINPADINP", "DINBDIN", "DINPBDINP"
        out_a, out_parity_a, out_b, out_parity_b = "DOUTADOUT", "DOUTPADOUTP", "DOUTBDOUT", "DOUTPBDOUTP"
    else:
        data_a, parity_a, data_b, parity_b = "DIADI", "DIPADIP", "DIBDI", "DIPBDIP"
        out_a, out_parity_a, out_b, out_parity_b = "DOADO", "DOPADOP", "DOBDO", "DOPBDOP"
    wide = 18 * enables
    more = "input ADDRENA, ADDRENB, SLEEP, " if second else ""
    names = [f"INIT_{line:02X}" for line in range(lines)], [f"INITP_{line:02X}" for line in range(lines // 8)]
    values = ", ".join(f"{name} = 256'd0" for group in names for name in group)
    return f"""module {cell} (
  input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB, RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
  {more}input [{address - 1}:0] ADDRARDADDR, ADDRBWRADDR, input [{bits - 1}:0] {data_a}, {data_b},
  input [{enables - 1}:0] {parity_a}, {parity_b}, WEA, input [{2 * enables - 1}:0] WEBWE,
  output [{bits - 1}:0] {out_a}, {out_b}, output [{enables - 1}:0] {out_parity_a}, {out_parity_b}
);
  parameter DOA_REG = 0, DOB_REG = 0, READ_WIDTH_A = 0, READ_WIDTH_B = 0, WRITE_WIDTH_A = 0, WRITE_WIDTH_B = 0;
  parameter RAM_MODE = "TDP", WRITE_MODE_A = "WRITE_FIRST", WRITE_MODE_B = "WRITE_FIRST";
  parameter SRVAL_A = 0, SRVAL_B = 0, INIT_A = 0, INIT_B = 0;
  parameter [255:0] {values};
  function whole_bytes(input integer width);
    whole_bytes = width == 0 || width == 9 || width == 18 || width == 36 || width == 72;
  endfunction
  function below_a_byte(input integer width);
    below_a_byte = width == 1 || width == 2 || width == 4;
  endfunction
  function [7:0] part(input [7:0] data, input [2:0] bits, input integer width);
    part = data >> (bits & ~(width - 1)) & ((1 << width) - 1);
  endfunction
  initial
    if (DOA_REG || DOB_REG || !(whole_bytes(READ_WIDTH_A) || below_a_byte(READ_WIDTH_A))
        || !(whole_bytes(READ_WIDTH_B) || below_a_byte(READ_WIDTH_B)) || !whole_bytes(WRITE_WIDTH_A)
        || !whole_bytes(WRITE_WIDTH_B) || (READ_WIDTH_A && WRITE_WIDTH_A && WRITE_MODE_A != "READ_FIRST")
        || (READ_WIDTH_B && WRITE_WIDTH_B && WRITE_MODE_B != "READ_FIRST"))
      $fatal(1, "{cell}: output registers, writes below a byte or a mode other than READ_FIRST are not modelled");
  wire [{8 * size - 1}:0] data = {{{", ".join(reversed(names[0]))}}};
  wire [{size - 1}:0] parity = {{{", ".join(reversed(names[1]))}}};
  reg [8:0] memory[0:{size - 1}];
  integer at;
  initial for (at = 0; at < {size}; at = at + 1) memory[at] = {{parity[at], data[8 * at +: 8]}};
  reg [{8 * 2 * enables - 1}:0] a = 0, b = 0;
  reg [{2 * enables - 1}:0] a_parity = 0, b_parity = 0;
  localparam WIDE = READ_WIDTH_A == {wide};
  assign {{{out_parity_a}, {out_a}}} = {{a_parity[{enables - 1}:0], a[{bits - 1}:0]}};
  assign {{{out_parity_b}, {out_b}}} = WIDE ? {{a_parity[{2 * enables - 1}:{enables}], a[{2 * bits - 1}:{bits}]}}
                                      : {{b_parity[{enables - 1}:0], b[{bits - 1}:0]}};
  wire [{2 * bits - 1}:0] to_b = WRITE_WIDTH_B == {wide} ? {{{data_b}, {data_a}}} : {{{bits}'d0, {data_b}}};
  wire [{2 * enables - 1}:0] to_b_parity =
    WRITE_WIDTH_B == {wide} ? {{{parity_b}, {parity_a}}} : {{{enables}'d0, {parity_b}}};
  wire [{address - 4}:0] byte_a = ADDRARDADDR[{address - 1}:3] % {size}, byte_b = ADDRBWRADDR[{address - 1}:3] % {size};
  integer i, j;
  always @(posedge CLKARDCLK) if (ENARDEN) begin
    if (RSTRAMARSTRAM) $fatal(1, "{cell}: the reset is not modelled");
    if (below_a_byte(READ_WIDTH_A)) a[7:0] <= part(memory[byte_a][7:0], ADDRARDADDR[2:0], READ_WIDTH_A);
    for (i = 0; i < READ_WIDTH_A / 9; i = i + 1)
      {{a_parity[i], a[8 * i +: 8]}} <= memory[byte_a / (READ_WIDTH_A / 9) * (READ_WIDTH_A / 9) + i];
    for (i = 0; i < WRITE_WIDTH_A / 9; i = i + 1)
      if (WEA[i])
        memory[byte_a / (WRITE_WIDTH_A / 9) * (WRITE_WIDTH_A / 9) + i] <= {{{parity_a}[i], {data_a}[8 * i +: 8]}};
  end
  always @(posedge CLKBWRCLK) if (ENBWREN) begin
    if (RSTRAMB) $fatal(1, "{cell}: the reset is not modelled");
    if (below_a_byte(READ_WIDTH_B)) b[7:0] <= part(memory[byte_b][7:0], ADDRBWRADDR[2:0], READ_WIDTH_B);
    for (j = 0; j < READ_WIDTH_B / 9; j = j + 1)
      {{b_parity[j], b[8 * j +: 8]}} <= memory[byte_b / (READ_WIDTH_B / 9) * (READ_WIDTH_B / 9) + j];
    for (j = 0; j < WRITE_WIDTH_B / 9; j = j + 1)
      if (WEBWE[j])
        memory[byte_b / (WRITE_WIDTH_B / 9) * (WRITE_WIDTH_B / 9) + j] <= {{to_b_parity[j], to_b[8 * j +: 8]}};
  end
endmodule
"""
