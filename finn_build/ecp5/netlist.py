"""The chip's netlist: the netlists of the layers, as they were simulated, joined with the shell's netlist."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from finn_build.boards import Board
from finn_build.ecp5.chip import CHIP, SHELL, chip, shell_instance
from finn_build.rtl.top import stitch
from finn_build.synthesis.scripts import ECP5, READ, mapped
from finn_build.synthesis.yosys import run_yosys
from radioml.contract.package import StreamFormat
from radioml.contract.serial_link import SILENCE_CYCLES
from radioml.files import write_text
from radioml.simulation.design import Design

SHELL_NETLIST, CHIP_NETLIST = "serial_shell_netlist.v", "chip.json"
_TOP = "chip.v"
_SHELL_NETLIST_MODULE = "serial_shell_netlist"


def synthesise_shell(
    source: StreamFormat, sink: StreamFormat, bit_cycles: int, folder: Path, silence_cycles: int = SILENCE_CYCLES
) -> None:
    """Write `SHELL_NETLIST` to `folder`: the netlist of the shell for an accelerator with these streams.

    Raises what `shell_instance` raises, and RadioMLError where Yosys fails.
    """
    for path in SHELL:
        shutil.copyfile(path, folder / path.name)
    ports = (
        "input clk, locked, rx, output tx, rst_n, output [7:0] led, "
        f"output [{8 * source.word_bytes - 1}:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready, "
        f"input [{8 * sink.word_bytes - 1}:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready"
    )
    shell = shell_instance(source, sink, bit_cycles, silence_cycles)
    write_text(
        folder / "shell_top.sv", f"module {_SHELL_NETLIST_MODULE} ({ports});\n  {shell} shell (.*);\nendmodule\n"
    )
    sources = " ".join(path.name for path in SHELL)
    script = [
        f"{READ} --top {_SHELL_NETLIST_MODULE} {sources} shell_top.sv",
        *mapped(_SHELL_NETLIST_MODULE, ECP5),
        "check -assert",
        f"write_verilog -noattr {SHELL_NETLIST}",
        "",
    ]
    run_yosys("\n".join(script), folder)


def shell_in_chip(board: Board, source: StreamFormat, sink: StreamFormat) -> str:
    """Verilog of the chip with the shell's netlist."""
    return chip(_SHELL_NETLIST_MODULE, board.clock_mhz, source, sink)


def join_chip(design: Design, board: Board, netlists: Sequence[Path], folder: Path) -> None:
    """Join netlists with `SHELL_NETLIST`, which lies in `folder`, and write `CHIP_NETLIST` there.

    Joining leaves every cell as it is, so the placed cells are the simulated ones.

    design: its layers are netlists, see `finn_build.verify.gate_design.whole`; netlists: the files of the layers.
    """
    for path in netlists:
        if path.parent != folder:
            shutil.copyfile(path, folder / path.name)
    write_text(folder / _TOP, stitch(design.layers) + shell_in_chip(board, design.input, design.output))
    names = " ".join([*(path.name for path in netlists), SHELL_NETLIST, _TOP])
    script = [
        "read_verilog -lib +/lattice/cells_sim_ecp5.v +/lattice/cells_bb_ecp5.v",
        f"read_verilog {names}",
        f"hierarchy -check -top {CHIP}",
        "flatten",
        "opt_clean -purge",
        "check -assert",
        "blackbox =A:whitebox",  # the library's cells, whose content is not written
        f"write_json {CHIP_NETLIST}",
        "",
    ]
    run_yosys("\n".join(script), folder)
