"""The whole chip of a ULX3S: clock, serial shell, accelerator and pin locations.

The pins follow ulx3s_v20.lpf of the board's makers (https://github.com/emard/ulx3s): the oscillator of 25 MHz, two
lines to the USB bridge, eight LEDs, and the line that keeps the ESP32 from starting another bitstream. The two lines
have the bridge's names: the bridge sends on txd.
"""

from __future__ import annotations

from pathlib import Path

from radioml.contract.package import StreamFormat
from radioml.contract.serial_link import SILENCE_CYCLES
from radioml.errors import RadioMLError
from radioml.simulation.design import TOP

SHELL = tuple(Path(__file__).with_name(name) for name in ("uart.sv", "serial_shell.sv"))
"""Sources of the serial shell."""
SHELL_MODULE = "serial_shell"
CHIP = "ulx3s"
"""The chip's top module."""
PACKAGE_OPTIONS = ("--85k", "--package", "CABGA381", "--speed", "6")
"""nextpnr's options for an LFE5U-85F-6BG381C."""
_OSCILLATOR_MHZ = 25
_LEDS = ("B2", "C2", "C1", "D2", "D1", "E2", "E1", "H3")
_PHASE_DETECTOR_MHZ, _VCO_MHZ = (3.125, 400.0), (400.0, 800.0)
"""Limits of the PLL (FPGA-DS-02012, sysCLOCK PLL timing)."""


def constraints() -> str:
    """The chip's pins for nextpnr (an .lpf file)."""
    sites = {"clk_25mhz": "G2", "ftdi_rxd": "L4", "ftdi_txd": "M1", "wifi_gpio0": "L2"}
    sites |= {f"led[{index}]": site for index, site in enumerate(_LEDS)}
    lines = [f'FREQUENCY PORT "clk_25mhz" {_OSCILLATOR_MHZ} MHZ;']
    for name, site in sites.items():
        pull = "UP" if name in ("ftdi_txd", "wifi_gpio0") else "NONE"
        lines += [f'LOCATE COMP "{name}" SITE "{site}";', f'IOBUF PORT "{name}" PULLMODE={pull} IO_TYPE=LVCMOS33;']
    return "\n".join(lines) + "\n"


def shell_instance(
    source: StreamFormat, sink: StreamFormat, bit_cycles: int, silence_cycles: int = SILENCE_CYCLES
) -> str:
    """Parameters of the shell in front of an accelerator, as Verilog: `serial_shell #(...)`.

    source, sink: the accelerator's input and output. bit_cycles: see `serial_link.Rate`.
    Raises RadioMLError for words of more than 255 bytes.
    """
    if max(source.word_bytes, sink.word_bytes) > 255:
        raise RadioMLError(
            f"the serial shell takes words of 255 bytes at most, and the accelerator has {source.word_bytes} and "
            f"{sink.word_bytes}; fold the network less (--target-fps)"
        )
    parameters = {
        "IN_BYTES": source.word_bytes, "IN_WORDS": source.words, "OUT_BYTES": sink.word_bytes, "OUT_WORDS": sink.words,
        "BIT_CYCLES": bit_cycles, "SILENCE_CYCLES": silence_cycles,
    }  # fmt: skip
    return f"{SHELL_MODULE} #({', '.join(f'.{name}({value})' for name, value in parameters.items())})"


def chip(shell: str, clock_mhz: float, source: StreamFormat, sink: StreamFormat) -> str:
    """Verilog of the top module; shell: the shell's module, with its parameters where it has some.

    Raises RadioMLError for a clock that the PLL cannot make.
    """
    divide, multiply, output = pll_dividers(clock_mhz)
    return f"""module {CHIP} (
  input clk_25mhz, ftdi_txd, output ftdi_rxd, wifi_gpio0, output [7:0] led
);
  wire clk, locked, rst_n;
  (* FREQUENCY_PIN_CLKI="{_OSCILLATOR_MHZ}", FREQUENCY_PIN_CLKOP="{clock_mhz:g}", ICP_CURRENT="12", LPF_RESISTOR="8",
     MFG_ENABLE_FILTEROPAMP="1", MFG_GMCREF_SEL="2" *)
  EHXPLLL #(.CLKI_DIV({divide}), .CLKFB_DIV({multiply}), .CLKOP_DIV({output}), .CLKOP_CPHASE({output // 2 - 1}),
    .CLKOP_FPHASE(0), .FEEDBK_PATH("CLKOP"), .CLKOP_ENABLE("ENABLED"), .PLLRST_ENA("DISABLED"),
    .INTFB_WAKE("DISABLED"), .STDBY_ENABLE("DISABLED"), .DPHASE_SOURCE("DISABLED"), .OUTDIVIDER_MUXA("DIVA"),
    .OUTDIVIDER_MUXB("DIVB"), .OUTDIVIDER_MUXC("DIVC"), .OUTDIVIDER_MUXD("DIVD")) pll (
    .CLKI(clk_25mhz), .CLKFB(clk), .CLKOP(clk), .LOCK(locked), .RST(1'b0), .STDBY(1'b0), .PHASESEL0(1'b0),
    .PHASESEL1(1'b0), .PHASEDIR(1'b1), .PHASESTEP(1'b1), .PHASELOADREG(1'b1), .PLLWAKESYNC(1'b0), .ENCLKOP(1'b0));
  wire [{8 * source.word_bytes - 1}:0] frame_tdata;
  wire [{8 * sink.word_bytes - 1}:0] result_tdata;
  wire frame_tvalid, frame_tready, result_tvalid, result_tready;
  {shell} shell (
    .clk(clk), .locked(locked), .rx(ftdi_txd), .tx(ftdi_rxd), .rst_n(rst_n), .led(led),
    .m_axis_tdata(frame_tdata), .m_axis_tvalid(frame_tvalid), .m_axis_tready(frame_tready),
    .s_axis_tdata(result_tdata), .s_axis_tvalid(result_tvalid), .s_axis_tready(result_tready));
  {TOP} accelerator (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(frame_tdata), .s_axis_tvalid(frame_tvalid), .s_axis_tready(frame_tready),
    .m_axis_tdata(result_tdata), .m_axis_tvalid(result_tvalid), .m_axis_tready(result_tready));
  assign wifi_gpio0 = 1'b1;
endmodule
"""


def pll_dividers(clock_mhz: float) -> tuple[int, int, int]:
    """Dividers of input, feedback and output with which the PLL makes `clock_mhz` from the oscillator's clock.

    Raises RadioMLError for a clock that the PLL cannot make.
    """
    for divide in range(1, 9):
        multiply = round(clock_mhz * divide / _OSCILLATOR_MHZ)
        exact = multiply * _OSCILLATOR_MHZ == clock_mhz * divide
        if exact and multiply <= 80 and _OSCILLATOR_MHZ / divide >= _PHASE_DETECTOR_MHZ[0]:
            output = int(sum(_VCO_MHZ) / 2 / clock_mhz)
            if output >= 2 and _VCO_MHZ[0] <= output * clock_mhz <= _VCO_MHZ[1]:
                return divide, multiply, output
    raise RadioMLError(
        f"the PLL cannot make {clock_mhz:g} MHz from {_OSCILLATOR_MHZ} MHz; 40, 45, 50 and 60 MHz are possible"
    )
