"""Yosys' commands for one layer, from its sources to a netlist of the vendor's cells."""

from __future__ import annotations

from pathlib import Path

from finn_build.boards import Board

PRIMITIVES = {"DSP48E1": "xilinx/cells_sim.v", "DSP48E2": "xilinx/cells_xtra.v", "LUT6_2": "xilinx/cells_sim.v"}
"""Cells of AMD that FINN's library instantiates, and the library of Yosys that declares them."""
BMUX = Path(__file__).with_name("bmux.v")
SOURCES, LUT_MEMORIES = "sources.f", "lut_memories.txt"
"""What the script reads beside the sources: their list, and a library of LUT memories."""
NETLIST, CELLS = "netlist.v", "cells.json"
"""What the script writes: the netlist, and the count of its cells."""
ECP5 = "ecp5"
READ = (
    "read_slang --allow-use-before-declare --ignore-assertions -Wno-unconnected-output-port -Wno-unconnected-input-port"
)


def yosys_family(board: Board) -> str:
    """What Yosys calls the board's FPGA family."""
    return {"Zynq-7000": "xc7", "ECP5": ECP5}.get(board.family, "xcup")


def command(family: str) -> str:
    """The command of Yosys that maps a design to the cells of a family."""
    return "synth_ecp5" if family == ECP5 else f"synth_xilinx -family {family}"


def script(module: str, family: str) -> str:
    """The whole script of a module, whose sources are in `SOURCES`.

    For an ECP5 the script reads FINN's library as a simulator does (VERILATOR): without cells of a vendor.
    """
    if family == ECP5:
        read = [f"{READ} -D VERILATOR --top {module} -f {SOURCES}"]
    else:
        boxes = " ".join(f"--blackboxed-module {cell}" for cell in PRIMITIVES)
        read = [
            f"{READ} --top {module} {boxes} -f {SOURCES}",
            "setparam -unset i t:DSP48E1",  # slang takes a variable of the cell's own for a parameter
            f"techmap -map {BMUX.name}",
        ]
    return "\n".join([
        *read,
        *mapped(module, family),
        "check -assert",
        f"tee -q -o {CELLS} stat -json",
        f"write_verilog -noattr {NETLIST}",
        "",
    ])  # fmt: skip


def mapped(module: str, family: str) -> list[str]:
    """Yosys' commands that map a design to the vendor's cells.

    On UltraScale the step `map_memory` of synth_xilinx is written out, with its own parameters and a corrected library
    of LUT memories: in the library of Yosys 0.70 a memory of 512 words has 16 address bits, which no cell has.
    """
    if family == ECP5:
        return [f"{command(family)} -top {module}"]
    synth = f"{command(family)} -noiopad -flatten -top {module}"
    if family == "xc7":
        return [synth]
    return [
        f"{synth} -run begin:map_memory",
        f"memory_libmap -logic-cost-rom 0.015625 -lib {LUT_MEMORIES} -lib +/xilinx/brams_xc4v.txt -D HAS_SIZE_36 "
        "-D HAS_MIXWIDTH_SDP -D HAS_ADDRCE -lib +/xilinx/urams.txt -no-auto-huge",
        *(f"techmap -map +/xilinx/{kind}_map.v" for kind in ("lutrams_xc5v", "brams_xcu", "urams")),
        f"{synth} -run map_ffram:",
    ]
