"""A bitfile package for the simulated board: a `.bit` file that configures the board with the accelerator's RTL.

The containers are the real ones: Vivado's `.bit` header, which PYNQ's parser reads, and a hardware handoff (`.hwh`)
with the blocks and addresses that PYNQ and finn-plus-driver look for in a FINN accelerator for a Zynq UltraScale+; or,
for the simulated Alveo card, an xclbin. The configuration data, which the simulated fabric reads, are the package that
`radioml build --until rtl` made.

`python -m deploy.simulated.bitfile [--alveo] SIMULATION_PACKAGE BITFILE_PACKAGE` makes one.
"""

from __future__ import annotations

import argparse
import struct
from dataclasses import replace
from pathlib import Path

from deploy.backends.finn_dma import ZYNQ_DMAS
from deploy.simulated.xclbin import write_xclbin
from radioml.contract.package import BITFILE, HANDOFF, XCLBIN, Manifest, open_package, write_package
from radioml.errors import RadioMLError
from radioml.run_directory import GOLDEN, MODEL
from radioml.temporary import temporary_folder

INPUT_DMA, OUTPUT_DMA = ZYNQ_DMAS
DMA_ADDRESSES = {INPUT_DMA: 0xA000_0000, OUTPUT_DMA: 0xA001_0000}
DMA_RANGE = 0x1_0000
RTL_DMA = b"RTL DMA\n"
"""First bytes of the configuration of a board whose DMA engines are RTL."""
_FIELD_0 = bytes.fromhex("0ff00ff00ff00ff000")  # the constant first field of every .bit file


def write_bitfile_package(simulation_package: Path, path: Path, alveo: bool = False, rtl_dma: bool = False) -> Manifest:
    """Make a package of kind "simulated bitfile" from one of kind "simulation"; returns its manifest.

    The package has the same files as a package for a real board: `accelerator.bit` and `accelerator.hwh`, or, for an
    Alveo card, `accelerator.xclbin`; golden frames; and the model if the first package has it.

    Args:
        simulation_package: the first package.
        path: of the new package.
        alveo: whether the package is for the simulated Alveo card.
        rtl_dma: whether a Zynq's DMA engines are simulated as RTL, with the accelerator, instead of a model in Python.

    Raises RadioMLError for a first package of another kind.
    """
    with temporary_folder("radioml-bitfile") as folder:
        package = open_package(simulation_package, folder)
        if package.manifest.kind != "simulation":
            raise RadioMLError(f"{simulation_package}: of kind {package.manifest.kind!r}, not 'simulation'")
        configuration, clock_mhz = simulation_package.read_bytes(), package.manifest.clock_mhz
        if alveo:
            made = {XCLBIN: write_xclbin(configuration, clock_mhz)}
        else:
            made = {BITFILE: _bitfile(RTL_DMA * rtl_dma + configuration), HANDOFF: _handoff(clock_mhz).encode()}
        for name, content in made.items():
            (package.folder / name).write_bytes(content)
        kept = [name for name in (GOLDEN, MODEL) if name in package.manifest.files]
        manifest = replace(package.manifest, kind="simulated bitfile")
        return write_package(path, manifest, package.folder, [*made, *kept])


def _bitfile(data: bytes) -> bytes:
    """Vivado's `.bit` container: length-prefixed fields a to d, then the configuration data, in whole 32-bit words."""
    data += bytes(-len(data) % 4)
    fields = {b"a": b"accelerator;Version=simulated", b"b": b"simulated", b"c": b"2000/01/01", b"d": b"00:00:00"}
    header = struct.pack(">H", len(_FIELD_0)) + _FIELD_0 + struct.pack(">H", 1)
    for key, text in fields.items():
        header += key + struct.pack(">H", len(text) + 1) + text + b"\0"
    return header + b"e" + struct.pack(">I", len(data)) + data


def _handoff(clock_mhz: float) -> str:
    """The hardware handoff of a FINN design: processing system, clocking wizard and the two DMA engines."""
    parameters: dict[str, object] = {}
    for clock in range(4):  # FINN clocks its wizard with PL clock 0, 100 MHz
        name = f"PSU__CRL_APB__PL{clock}_REF_CTRL__"
        parameters |= {f"PSU__FPGA_PL{clock}_ENABLE": int(clock == 0), f"{name}SRCSEL": "IOPLL"}
        parameters |= {f"{name}ACT_FREQMHZ": 100.0, f"{name}DIVISOR0": 15, f"{name}DIVISOR1": 1}
    ranges = "".join(
        f'<MEMRANGE ADDRESSBLOCK="Reg" BASEVALUE="{base:#x}" HIGHVALUE="{base + DMA_RANGE - 1:#x}" INSTANCE="{name}" '
        f'MASTERBUSINTERFACE="M_AXI_HPM0_FPD" MEMTYPE="REGISTER" SLAVEBUSINTERFACE="s_axi_control"/>'
        for name, base in DMA_ADDRESSES.items()
    )
    modules = [
        _module(
            "zynq_ultra_ps_e_0", "xilinx.com:ip:zynq_ultra_ps_e:3.5", parameters,
            _bus("M_AXI_HPM0_FPD", "MASTER") + f"<MEMORYMAP>{ranges}</MEMORYMAP>",
        ),
        _module("clk_wiz_0", "xilinx.com:ip:clk_wiz:6.0", {"CLKOUT1_OUT_FREQ": clock_mhz}, ""),
        *(_module(name, f"xilinx_finn:finn:{name}:1.0", {}, _bus("s_axi_control", "SLAVE")) for name in DMA_ADDRESSES),
    ]  # fmt: skip
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n<EDKSYSTEM>'
        '<SYSTEMINFO ARCH="zynquplus" DEVICE="simulated" NAME="top"/><EXTERNALPORTS/><EXTERNALINTERFACES/>'
        f"<MODULES>{''.join(modules)}</MODULES></EDKSYSTEM>\n"
    )


def _module(name: str, vlnv: str, parameters: dict[str, object], buses: str) -> str:
    values = "".join(f'<PARAMETER NAME="{key}" VALUE="{value}"/>' for key, value in parameters.items())
    return (
        f'<MODULE FULLNAME="/{name}" INSTANCE="{name}" MODTYPE="{vlnv.split(":")[2]}" VLNV="{vlnv}">'
        f"<PARAMETERS>{values}</PARAMETERS>{buses}</MODULE>"
    )


def _bus(name: str, kind: str) -> str:
    vlnv = "xilinx.com:interface:aximm:1.0"
    return f'<BUSINTERFACES><BUSINTERFACE NAME="{name}" TYPE="{kind}" VLNV="{vlnv}"/></BUSINTERFACES>'


def _main() -> None:
    parser = argparse.ArgumentParser(description="Make a package for the simulated board from one with simulated RTL.")
    parser.add_argument("simulation_package", type=Path)
    parser.add_argument("bitfile_package", type=Path)
    parser.add_argument("--alveo", action="store_true", help="for the simulated Alveo card")
    parser.add_argument("--rtl-dma", action="store_true", help="simulate the DMA engines' RTL, too (Zynq; slower)")
    arguments = parser.parse_args()
    try:
        write_bitfile_package(
            arguments.simulation_package, arguments.bitfile_package, arguments.alveo, arguments.rtl_dma
        )
    except (RadioMLError, OSError) as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    _main()
