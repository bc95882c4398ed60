"""The board catalogue: one YAML a board in `boards/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from radioml.errors import RadioMLError

CATALOGUE = Path(__file__).resolve().parent.parent / "boards"


@dataclass(frozen=True)
class Board:
    """What the build must know of a board.

    part: the FPGA as Vivado names it.
    shell: `zynq` (processor and fabric on one chip) or `vitis` (PCIe card).
    clock_mhz: fabric clock that the figures refer to and the build aims at.
    memory_port_bits: width of one port to the board's memory.
    resources: the device's LUT, FF, BRAM_18K, URAM and DSP.
    sources: where the numbers come from.
    """

    name: str
    part: str
    shell: str
    clock_mhz: float
    memory_port_bits: int
    resources: dict[str, int]
    sources: str

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
    path = CATALOGUE / f"{name}.yaml"
    try:
        return Board(**yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, TypeError) as error:
        raise RadioMLError(f"{path}: not a board description: {error}") from error
