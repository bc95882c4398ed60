"""Vivado's and Vitis's reports as numbers: utilisation, timing, power, and the clocks of a linked Alveo design.

The formats follow AMD's documents: `report_utilization` and `report_timing_summary` UG906 (Design Analysis and Closure
Techniques), `report_power` UG907, their options UG835, `.xclbin.info` UG1393. No tool was at hand, so the parsers have
been tested on texts made after these documents. Each parser raises RadioMLError for a report of another kind, and for
one that is truncated before the part that the parser reads.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from radioml.contract.implementation import TimingCheck, Use
from radioml.errors import RadioMLError

_SITES = {
    "LUT": ("CLB LUTs", "Slice LUTs"),
    "FF": ("CLB Registers", "Slice Registers"),
    "BRAM_36K": ("RAMB36/FIFO",),
    "BRAM_18K": ("RAMB18",),
    "URAM": ("URAM",),
    "DSP": ("DSPs",),
}
"""Our name -> a row of `report_utilization`, for UltraScale+ and for 7 series."""
_OPTIONAL = ("URAM",)
_COLUMNS = {"Total LUTs": "LUT", "FFs": "FF", "RAMB36": "BRAM_36K", "RAMB18": "BRAM_18K", "URAM": "URAM",
            "DSP Blocks": "DSP"}  # fmt: skip
"""Column of the hierarchical report -> our name."""
_SUMMARY = ("WNS(ns)", "TNS(ns)", "TNS Failing Endpoints", "TNS Total Endpoints", "WHS(ns)", "THS(ns)",
            "THS Failing Endpoints", "THS Total Endpoints", "WPWS(ns)", "TPWS(ns)", "TPWS Failing Endpoints",
            "TPWS Total Endpoints")  # fmt: skip
_CHECKS = ("setup", "hold", "pulse_width")
_NUMBER = r"-?\d+(?:\.\d+)?"


@dataclass(frozen=True)
class Timing:
    """One `report_timing_summary`.

    tool: version of the tool.
    state: of the design, e.g. Routed; "" from an older Vivado, which does not say.
    checks: setup, hold and pulse_width.
    clocks_mhz: frequency of each clock.
    """

    tool: str
    state: str
    checks: dict[str, TimingCheck]
    clocks_mhz: dict[str, float]

    @property
    def met(self) -> bool:
        """Whether setup, hold and pulse width are all met."""
        return all(check.met for check in self.checks.values())

    def failures(self) -> str:
        """The checks that fail, in words."""
        words = []
        for name, check in self.checks.items():
            if check.worst_slack_ns is None:
                words.append(f"{name}: no path was checked")
            elif not check.met:
                words.append(
                    f"{name}: worst slack {check.worst_slack_ns} ns, {check.failing} of {check.endpoints} fail"
                )
        return "; ".join(words)


def parse_timing(path: Path) -> Timing:
    """Read the text of `report_timing_summary`."""
    text = _read(path, "| Design Timing Summary", "a timing summary (report_timing_summary)")
    lines = text.splitlines()
    header = next((i for i, line in enumerate(lines) if line.split()[:2] == ["WNS(ns)", "TNS(ns)"]), None)
    if header is None or header + 2 >= len(lines) or re.split(r"\s{2,}", lines[header].strip()) != [*_SUMMARY]:
        raise _truncated(path, f"the columns {', '.join(_SUMMARY)}")
    cells = lines[header + 2].split()
    if len(cells) != len(_SUMMARY) or not all(cell == "NA" or re.fullmatch(_NUMBER, cell) for cell in cells):
        raise _truncated(path, f"a row of {len(_SUMMARY)} numbers below WNS, TNS ...")
    checks = {}
    for index, name in enumerate(_CHECKS):
        worst, total, failing, endpoints = cells[4 * index : 4 * index + 4]
        checks[name] = TimingCheck(
            _number(worst), _number(total), int(_number(failing) or 0), int(_number(endpoints) or 0)
        )
    row = rf"^\s*(\S+)\s+\{{[^}}]*\}}\s+{_NUMBER}\s+({_NUMBER})\s*$"
    clocks = {name: float(mhz) for name, mhz in re.findall(row, _section(text, "Clock Summary"), re.M)}
    if not clocks:
        raise _truncated(path, "a clock in its Clock Summary")
    state = re.search(r"^\| Design State\s*:\s*(\S+)", text, re.M)
    return Timing(_tool(path, text), state[1] if state else "", checks, clocks)


def parse_utilisation(path: Path) -> dict[str, Use]:
    """Read the text of `report_utilization`: resource -> its sites.

    BRAM_36K and BRAM_18K count the sites used in each size. One BRAM_36K occupies two BRAM_18K.
    """
    text = _read(path, "Utilization Design Information", "a utilisation report (report_utilization)")
    rows: dict[str, tuple[int, int]] = {}
    columns: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if "Used" in cells and "Available" in cells:
            columns = cells
        elif columns and len(cells) == len(columns):
            used, available = cells[columns.index("Used")], cells[columns.index("Available")]
            if used.isdigit() and available.isdigit():
                rows.setdefault(cells[0].rstrip("*"), (int(used), int(available)))
    found: dict[str, Use] = {}
    for resource, names in _SITES.items():
        site = next((rows[name] for name in names if name in rows), None)
        if site is not None:
            found[resource] = Use(*site)
        elif resource in _OPTIONAL:
            found[resource] = Use(0, 0)
        else:
            raise _truncated(path, f"the row {' or '.join(names)}")
    return found


def parse_hierarchy(path: Path) -> dict[str, dict[str, int]]:
    """Read `report_utilization -hierarchical -format xml`: instance -> resource -> number; the first is the top."""
    try:
        rows = [
            [cell.get("contents", "").strip() for cell in row if cell.tag in ("tablecell", "tableheader")]
            for row in ElementTree.parse(path).iter("tablerow")
        ]
    except (OSError, ElementTree.ParseError) as error:
        raise RadioMLError(f"{path}: not a hierarchical utilisation report: {error}") from error
    header = next((row for row in rows if row[:1] == ["Instance"]), None)
    if header is None or not {"Total LUTs", "FFs", "DSP Blocks"} <= set(header):
        raise _truncated(path, "a table of instances with Total LUTs, FFs and DSP Blocks")
    instances: dict[str, dict[str, int]] = {}
    for row in rows:
        if row != header and len(row) == len(header):
            counts = {_COLUMNS[name]: cell for name, cell in zip(header, row, strict=True) if name in _COLUMNS}
            if all(cell.isdigit() for cell in counts.values()):
                instances.setdefault(row[0], {name: int(cell) for name, cell in counts.items()})
    if not instances:
        raise _truncated(path, "an instance")
    return instances


def parse_power(path: Path) -> dict[str, float]:
    """Read the text of `report_power`: Vivado's estimate of `total`, `dynamic` and `static` power on the chip, in W."""
    text = _read(path, "Total On-Chip Power (W)", "a power report (report_power)")
    rows = {"total": "Total On-Chip Power (W)", "dynamic": "Dynamic (W)", "static": "Device Static (W)"}
    watts = {}
    for name, row in rows.items():
        match = re.search(rf"^\|\s*{re.escape(row)}\s*\|\s*({_NUMBER})", text, re.M)
        if match is None:
            raise _truncated(path, f"the row {row}")
        watts[name] = float(match[1])
    return watts


def parse_xclbin_clocks(path: Path) -> dict[str, float]:
    """Read the clocks of an `.xclbin.info`: name -> MHz that Vitis chose, e.g. of DATA_CLK, the kernels' clock."""
    text = _read(path, "xclbin Information", "the .info of a linked xclbin (v++ report)")
    clocks = re.findall(rf"^\s*Name:\s+(\S+)\s+Index:\s+\d+\s+Type:\s+\S+\s+Frequency:\s+({_NUMBER})\s*MHz", text, re.M)
    if not clocks:
        raise _truncated(path, "its Clocks")
    return {name: float(mhz) for name, mhz in clocks}


def _read(path: Path, mark: str, what: str) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RadioMLError(f"{path}: the tools wrote no such report ({error.strerror})") from error
    if mark not in text:
        raise RadioMLError(f"{path}: not {what}, or a truncated one")
    return text


def _section(text: str, title: str) -> str:
    """What stands between the boxed title and the next box."""
    match = re.search(rf"^\| {title}\n\| -+\n-+\n(.*?)(?=^-{{40,}}\n\| |\Z)", text, re.M | re.S)
    return match[1] if match else ""


def _tool(path: Path, text: str) -> str:
    match = re.search(r"^\| Tool Version\s*:\s*(.+?)\s*$", text, re.M)
    if match is None:
        raise _truncated(path, "`Tool Version` in its header")
    return match[1]


def _number(cell: str) -> float | None:
    return None if cell == "NA" else float(cell)


def _truncated(path: Path, missing: str) -> RadioMLError:
    return RadioMLError(f"{path}: lacks {missing}: a truncated report, or one of a Vivado that writes another format")
