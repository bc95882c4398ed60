"""The result of Vivado or Vitis for a design: reports are copied, written as JSON, and judged."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

from finn_build.boards import Board
from finn_build.vivado.reports import (
    Timing,
    parse_hierarchy,
    parse_power,
    parse_timing,
    parse_utilisation,
    parse_xclbin_clocks,
)
from radioml.contract.implementation import Implementation
from radioml.contract.package import BITFILE, HANDOFF, XCLBIN
from radioml.errors import RadioMLError
from radioml.run_directory import IMPLEMENTATION

REPORTS = "reports"
_CLOCK_TOLERANCE = 0.01
"""Relative difference of clocks that is accepted: a clocking wizard fed with 99.99 MHz gives no round frequencies."""


def collect_zynq(project: Path, board: Board, output: Path, folder: Path) -> list[str]:
    """Copy bitfile and handoff into `folder` if the reports are good; returns the names of the files.

    Args:
        project: FINN's Vivado project.
        output: folder of FINN's results.
        board: what the bitfile is for.
        folder: gets reports/ and implementation.json in any case.

    Raises RadioMLError for a missing or truncated report and for timing that fails.
    """
    run = project / "finn_zynq_link.runs" / "impl_1"
    found = {
        "timing.rpt": output / "report" / "post_route_timing.rpt",
        "hierarchy.xml": output / "report" / "post_synth_report.xml",
        "utilisation.rpt": run / "top_wrapper_utilization_placed.rpt",
        "power.rpt": run / "top_wrapper_power_routed.rpt",
    }
    reports = _copy_reports(found, folder)
    timing = parse_timing(reports["timing.rpt"])
    clocks = timing.clocks_mhz
    problem = timing.failures()
    if timing.state not in ("", "Routed"):
        problem = f"the design is {timing.state}, not Routed"
    elif not any(math.isclose(mhz, board.clock_mhz, rel_tol=_CLOCK_TOLERANCE) for mhz in _fabric(clocks)):
        problem = f"no clock of the fabric has {board.clock_mhz:g} MHz: {clocks}"
    _judge(_implementation(board, reports, clocks, timing, problem), problem, folder)
    shutil.copyfile(output / "bitfile" / "finn-accel.bit", folder / BITFILE)
    shutil.copyfile(output / "bitfile" / "finn-accel.hwh", folder / HANDOFF)
    return [BITFILE, HANDOFF]


def _fabric(clocks_mhz: dict[str, float]) -> list[float]:
    """Frequencies of the clocks of FINN's clocking wizard; of all clocks where no name tells them apart."""
    wizard = [mhz for name, mhz in clocks_mhz.items() if name.startswith("clk_out1")]
    return wizard or list(clocks_mhz.values())


def collect_vitis(link: Path, board: Board, output: Path, folder: Path) -> list[str]:
    """Do what `collect_zynq` does for an Alveo's xclbin, which v++ linked in the folder `link`.

    Where timing fails, Vitis lowers the kernels' clock. So a lower clock than the board's is a failure, too.
    """
    found = {"xclbin.info": link / "a.xclbin.info", "hierarchy.xml": output / "report" / "post_synth_report.xml"}
    patterns = {"timing.rpt": "*timing_summary_routed.rpt", "utilisation.rpt": "*full_util_routed.rpt"}
    for name, pattern in patterns.items():
        if paths := sorted((link / "_x" / "reports").rglob(pattern)):
            found[name] = paths[0]
    reports = _copy_reports(found, folder)
    clocks = parse_xclbin_clocks(reports["xclbin.info"])
    timing = parse_timing(reports["timing.rpt"]) if "timing.rpt" in reports else None
    problem = timing.failures() if timing else ""
    kernels = clocks.get("DATA_CLK", 0.0)
    if kernels < board.clock_mhz * (1 - _CLOCK_TOLERANCE):
        problem = f"Vitis gave the kernels {kernels:g} MHz (DATA_CLK) instead of {board.clock_mhz:g}"
    _judge(_implementation(board, reports, clocks, timing, problem), problem, folder)
    shutil.copyfile(output / "bitfile" / "finn-accel-0.xclbin", folder / XCLBIN)
    return [XCLBIN]


def _copy_reports(found: dict[str, Path], folder: Path) -> dict[str, Path]:
    """Copy the reports that exist to reports/; returns the paths of all, as the parsers refuse a missing report."""
    copies = {name: folder / REPORTS / name for name in found}
    (folder / REPORTS).mkdir(parents=True)
    for name, source in found.items():
        if source.is_file():
            shutil.copyfile(source, copies[name])
    return copies


def _implementation(
    board: Board, reports: dict[str, Path], clocks_mhz: dict[str, float], timing: Timing | None, problem: str
) -> Implementation:
    """What the reports say; power and utilisation where the tool reported them."""
    utilisation, power = reports.get("utilisation.rpt"), reports.get("power.rpt")
    return Implementation(
        kind="implemented",
        tool=timing.tool if timing else "Vitis",
        board=board.name,
        part=board.part,
        clock_mhz=board.clock_mhz,
        timing_met=not problem,
        utilisation=parse_utilisation(utilisation) if utilisation and utilisation.is_file() else None,
        instances=parse_hierarchy(reports["hierarchy.xml"]),
        power_w=parse_power(power) if power and power.is_file() else None,
        clocks_mhz=clocks_mhz,
        timing=timing.checks if timing else None,
    )


def _judge(found: Implementation, problem: str, folder: Path) -> None:
    found.write(folder / IMPLEMENTATION)
    if problem:
        raise RadioMLError(
            f"timing fails at {found.clock_mhz:g} MHz: {problem}. No bitfile was made; the reports are in "
            f"{folder / REPORTS}. Fold less (--target-fps, --fit --margin), or lower clock_mhz in a copy of the "
            "board's YAML"
        )
