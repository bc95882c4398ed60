"""The board catalogue: one YAML a board in `boards/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from radioml.errors import RadioMLError

CATALOGUE = Path(__file__).resolve().parent.parent / "boards"
FAMILIES = ("Zynq-7000", "Zynq UltraScale+", "Zynq UltraScale+ RFSoC", "Alveo UltraScale+")
SHELLS = {"zynq": "processor and fabric on one chip", "vitis": "PCIe card"}
RESOURCES = ("LUT", "FF", "BRAM_18K", "URAM", "DSP")

_COUNTS = dict.fromkeys(RESOURCES, int)
_SCHEMA: dict[str, Any] = {
    "name": str,
    "part": str,
    "family": FAMILIES,
    "shell": tuple(SHELLS),
    "clock_mhz": float,
    "clock_limit_mhz": float,
    "memory_port_bits": int,
    "resources": _COUNTS,
    "usable": _COUNTS,
    "finn": {"board": (str, None), "resource_table": bool},
    "sources": dict.fromkeys(("part", "clock", "clock_limit", "memory_port", "resources", "usable"), str),
}
"""Key -> type, tuple of allowed values (`str` in it stands for any text), or the schema of the keys below it."""


@dataclass(frozen=True)
class Board:
    """What the build must know of a board.

    part: the FPGA as Vivado names it.
    family: one of `FAMILIES`.
    shell: one of `SHELLS`.
    clock_mhz: fabric clock that the figures refer to and the build aims at.
    clock_limit_mhz: fastest clock that the shell can supply.
    memory_port_bits: width of one port to the board's memory.
    resources: the device's LUT, FF, BRAM_18K, URAM and DSP.
    usable: how many of them the shell leaves to a design; what estimates are held against.
    finn: `board`, the name in FINN's part map or None where FINN does not know the board, and `resource_table`,
        whether FINN has a table of its resources.
    sources: where each number comes from.
    """

    name: str
    part: str
    family: str
    shell: str
    clock_mhz: float
    clock_limit_mhz: float
    memory_port_bits: int
    resources: dict[str, int]
    usable: dict[str, int]
    finn: dict[str, Any]
    sources: dict[str, str]

    @property
    def clock_period_ns(self) -> float:
        """Clock period in nanoseconds."""
        return 1e3 / self.clock_mhz


def board_names() -> list[str]:
    """Names of all boards in the catalogue."""
    return sorted(path.stem for path in CATALOGUE.glob("*.yaml"))


def load_board(name: str) -> Board:
    """Read a board from the catalogue; raises RadioMLError for an unknown name or a malformed file."""
    if name not in board_names():
        raise RadioMLError(f"unknown board {name!r}; there are: {', '.join(board_names())} (one YAML each in boards/)")
    return read_board(CATALOGUE / f"{name}.yaml")


def read_board(path: Path) -> Board:
    """Read a board's YAML; raises RadioMLError with the file and each key that is unknown, missing or wrong."""
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RadioMLError(f"{path}: not YAML: {error}") from error
    problems = _problems(value, _SCHEMA, "")
    if not problems:
        problems = _contradictions(value, path)
    if problems:
        raise RadioMLError("\n  ".join([f"{path}: not a board description:", *problems]))
    return Board(**value)


def _problems(value: Any, schema: dict[str, Any], prefix: str) -> list[str]:
    """What is wrong with a mapping, a line for each key."""
    if not isinstance(value, dict):
        return [f"{prefix.rstrip('.') or 'the file'}: expected keys {', '.join(schema)}, found {value!r}"]
    problems = [
        f"{prefix}{key}: unknown key; there are {', '.join(prefix + name for name in schema)}"
        for key in value
        if key not in schema
    ]
    for key, expected in schema.items():
        if key not in value:
            problems.append(f"{prefix}{key}: missing")
        elif isinstance(expected, dict):
            problems += _problems(value[key], expected, f"{prefix}{key}.")
        elif not _fits(value[key], expected):
            problems.append(f"{prefix}{key}: {value[key]!r} is not {_describe(expected)}")
    return problems


def _fits(value: Any, expected: Any) -> bool:
    if isinstance(expected, tuple):
        return any(_fits(value, one) if isinstance(one, type) else value == one for one in expected)
    if expected is str:
        return isinstance(value, str) and bool(value.strip())
    if expected is bool:
        return isinstance(value, bool)
    return isinstance(value, (int, float) if expected is float else int) and not isinstance(value, bool) and value >= 0


def _describe(expected: Any) -> str:
    words = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", None: "null"}
    if isinstance(expected, tuple):
        return "one of: " + ", ".join(words.get(one, str(one)) for one in expected)
    return words[expected]


def _contradictions(value: dict[str, Any], path: Path) -> list[str]:
    problems = []
    if value["name"] != path.stem:
        problems.append(f"name: {value['name']!r} is not the file's name {path.stem!r}")
    if not 0 < value["clock_mhz"] <= value["clock_limit_mhz"]:
        problems.append(f"clock_mhz: {value['clock_mhz']} is not above 0 and at most clock_limit_mhz")
    problems += [
        f"usable.{name}: {value['usable'][name]} of {value['resources'][name]}"
        for name in RESOURCES
        if value["usable"][name] > value["resources"][name]
    ]
    return problems


def board_list(boards: list[Board]) -> Table:
    """The boards as a table, a line each."""
    table = Table(title="boards, and what a design can use of them", box=SIMPLE, padding=0)
    for name in ("board", "part"):
        table.add_column(name, no_wrap=True)
    for name in ("MHz", "LUT", "BRAM18", "URAM", "DSP"):
        table.add_column(name, justify="right", no_wrap=True)
    for board in boards:
        usable = (f"{board.usable[name]:,}" for name in RESOURCES if name != "FF")
        table.add_row(escape(board.name), escape(board.part), f"{board.clock_mhz:g}", *usable)
    return table


def board_table(board: Board) -> Table:
    """All of one board as a table, with the sources."""
    table = Table("", "", "source", title=escape(board.name))
    sources = {name: escape(source) for name, source in board.sources.items()}
    known = f"{board.finn['board']} in its part map" if board.finn["board"] else "not known to FINN"
    known += "" if board.finn["resource_table"] else "; no table of its resources"
    table.add_row("part", escape(board.part), sources["part"])
    table.add_row("family", escape(board.family))
    table.add_row("shell", f"{board.shell}: {SHELLS[board.shell]}")
    table.add_row("clock", f"{board.clock_mhz:g} MHz", sources["clock"])
    table.add_row("clock limit", f"{board.clock_limit_mhz:g} MHz", sources["clock_limit"])
    table.add_row("memory port", f"{board.memory_port_bits} bits", sources["memory_port"])
    table.add_row("FINN", escape(known))
    for title, counts in (("resources", board.resources), ("usable", board.usable)):
        table.add_row(title, "\n".join(f"{counts[name]:>9,} {name}" for name in RESOURCES), sources[title])
    return table
