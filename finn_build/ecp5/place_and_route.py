"""From the chip's netlist to a placed and routed design and its bitstream, by nextpnr-ecp5 and ecppack."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from finn_build.boards import Board
from finn_build.ecp5.chip import PACKAGE_OPTIONS, constraints
from finn_build.synthesis.yosys import yosys_version
from radioml.contract.implementation import Implementation, TimingCheck, Use
from radioml.doctor.tools import ECPPACK, NEXTPNR, beside_python
from radioml.errors import RadioMLError
from radioml.files import write_text
from radioml.processes import run_attached
from radioml.reading.text import read_json

_SITES = {"LUT": "TRELLIS_COMB", "FF": "TRELLIS_FF", "BRAM_18K": "DP16KD", "DSP": "MULT18X18D"}
"""Our name of a resource -> nextpnr's."""
REPORTS = ("report.json", "nextpnr.log")
_REPORT, _LOG = REPORTS
ROUTED = "chip.config"
"""The placed and routed design, as ecppack reads it."""
_SEED = 1


@dataclass(frozen=True)
class Routed:
    """What nextpnr reached.


    fmax_mhz: highest frequency of the slowest clock net.
    clock_mhz: the clock that was asked for.
    utilisation: name of a resource -> its sites.
    """

    fmax_mhz: float
    clock_mhz: float
    utilisation: dict[str, Use]

    @property
    def met(self) -> bool:
        """Whether the design meets timing."""
        return self.fmax_mhz >= self.clock_mhz

    def implementation(self, board: Board) -> Implementation:
        """The content of implementation.json."""
        slack = round(1e3 / self.clock_mhz - 1e3 / self.fmax_mhz, 3)
        return Implementation(
            kind="implemented",
            tool=f"{tools()}, not Vivado",
            board=board.name,
            part=board.part,
            clock_mhz=self.clock_mhz,
            timing_met=self.met,
            utilisation=self.utilisation,
            fmax_mhz=self.fmax_mhz,
            timing={"setup": TimingCheck(slack)},
        )


def tools() -> str:
    """Names and versions of the tools that make a bitstream."""
    return f"Yosys {yosys_version()}, nextpnr-ecp5 {version(NEXTPNR)}"


def place_and_route(netlist: str, board: Board, folder: Path) -> None:
    """Place and route a chip's netlist (JSON by Yosys) in `folder`, which gets nextpnr's log, report and design.

    Raises RadioMLError with nextpnr's first error. Whether the design meets timing is for `judge` to say.
    """
    write_text(folder / "pins.lpf", constraints())
    files = ("--json", netlist, "--lpf", "pins.lpf", "--textcfg", ROUTED, "--report", _REPORT)
    goal = ("--freq", f"{board.clock_mhz:g}", "--timing-allow-fail", "--seed", str(_SEED))
    _run([NEXTPNR, *PACKAGE_OPTIONS, *files, *goal], folder, _LOG)


def read_routed(folder: Path, board: Board) -> Routed:
    """What nextpnr reports of the design in `folder`; raises what `routed` raises."""
    return routed(read_json(folder / _REPORT), folder / _REPORT, board.clock_mhz)


def routed(report: Any, path: Path, clock_mhz: float) -> Routed:
    """nextpnr's report in numbers; raises RadioMLError for one that lacks a clock or a resource."""
    try:
        clocks = [float(clock["achieved"]) for clock in report["fmax"].values()]
        used = {
            name: Use(*(int(report["utilization"][site][kind]) for kind in ("used", "available")))
            for name, site in _SITES.items()
        }
        return Routed(round(min(clocks), 2), clock_mhz, used)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RadioMLError(f"{path}: no report of nextpnr-ecp5 with a clock and resources ({error!r})") from error


def judge(found: Routed, board: Board, folder: Path, path: Path) -> None:
    """Write implementation.json to `path`; raises RadioMLError where timing fails. folder: holds the reports."""
    found.implementation(board).write(path)
    if not found.met:
        raise RadioMLError(
            f"timing fails at {found.clock_mhz:g} MHz: the slowest clock of the routed chip reaches "
            f"{found.fmax_mhz:g} MHz. No bitstream was packed; nextpnr's log and report are in {folder}. Lower "
            f"clock_mhz in a copy of boards/{board.name}.yaml, or fold less (--target-fps, --fit --margin)"
        )


def pack(folder: Path, bitstream: str) -> None:
    """Write the bitstream of the routed design in `folder` to the same folder."""
    _run([ECPPACK, "--compress", "--input", ROUTED, "--bit", bitstream], folder, "ecppack.log")


def _run(command: list[str], folder: Path, log: str) -> None:
    program = beside_python(command[0])
    with (folder / log).open("w", encoding="utf-8") as stream:
        code = run_attached([str(program), *command[1:]], cwd=folder, stdout=stream, stderr=subprocess.STDOUT)
    if code:
        text = (folder / log).read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in text.splitlines() if re.search(r"\berror\b", line, re.IGNORECASE)]
        raise RadioMLError(
            f"{command[0]} failed (exit code {code}): {lines[0] if lines else 'no message'}; its log: {folder / log}"
        )
