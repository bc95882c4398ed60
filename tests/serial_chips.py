"""Chips on a serial line for the tests: a small accelerator of the tests' own, and packages that the backend takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from finn_build.ecp5.chip import CHIP, SHELL, chip, shell_instance
from finn_build.verify.ecp5_cells import ecp5_cell
from radioml.contract.package import BITSTREAM, Manifest, Package, StreamFormat
from radioml.simulation.serial_chip import SerialChip, compile_chip

BIT_CYCLES, SILENCE, PATIENCE = 4, 1 << 12, 1 << 14
"""Clock cycles, far fewer than on a board."""
CLOCK_MHZ = 50
SOURCE = StreamFormat((1024, 2), 2, 8, True, 2)
SINK = StreamFormat((24,), 1, 12, True, 2)
SUMS = """
// Word k of a result is the sum of I + Q of the samples k, k + 24, ... of the frame, in 12 bits.
module accelerator (
  input logic ap_clk, ap_rst_n,
  input logic [15:0] s_axis_tdata, input logic s_axis_tvalid, output logic s_axis_tready,
  output logic [15:0] m_axis_tdata, output logic m_axis_tvalid, input logic m_axis_tready
);
  logic signed [11:0] sums[24];
  logic [9:0] sample;
  logic [4:0] place;
  logic gives;
  assign s_axis_tready = !gives, m_axis_tvalid = gives, m_axis_tdata = {4'd0, sums[place]};
  always_ff @(posedge ap_clk)
    if (!ap_rst_n) begin
      {sample, place, gives} <= '0;
      for (int i = 0; i < 24; i++) sums[i] <= '0;
    end
    else if (gives ? m_axis_tready : s_axis_tvalid) begin
      place <= place == 23 || (!gives && sample == 1023) ? '0 : place + 5'd1;
      if (gives) begin
        sums[place] <= '0;
        if (place == 23) gives <= 1'b0;
      end
      else begin
        sums[place] <= sums[place] + 12'($signed(s_axis_tdata[7:0])) + 12'($signed(s_axis_tdata[15:8]));
        sample <= sample + 10'd1;
        if (sample == 1023) gives <= 1'b1;
      end
    end
endmodule
"""


def sums(integers: np.ndarray) -> np.ndarray:
    """What the accelerator above gives for int8 (N, 1024, 2): int64 (N, 24)."""
    samples = integers.astype(np.int64).sum(axis=2)
    found = np.stack([samples[:, place::24].sum(axis=1) for place in range(24)], axis=1)
    return (found + 2048) % 4096 - 2048


def serial_package(manifest: Manifest, folder: Path) -> Package:
    """A package of a simulated bitstream, which lies in `folder`."""
    (folder / BITSTREAM).write_bytes(b"")
    return Package(replace(manifest, kind="simulated bitfile", clock_mhz=CLOCK_MHZ), folder)


def chip_with_shell(source: StreamFormat, sink: StreamFormat, sources: list[Path], folder: Path) -> Path:
    """The simulator of a chip: PLL, the shell's RTL, and an accelerator with these sources."""
    shell = shell_instance(source, sink, BIT_CYCLES, SILENCE)
    (folder / "chip.v").write_text(chip(shell, CLOCK_MHZ, source, sink) + ecp5_cell("EHXPLLL"))
    return compile_chip(CHIP, [*sources, *SHELL, folder / "chip.v"])


def running(program: Path, data_folder: Path) -> SerialChip:
    return SerialChip(program, data_folder, BIT_CYCLES, PATIENCE)
