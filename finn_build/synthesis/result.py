"""The resources that Yosys counts in a synthesised design: what synthesis.json holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from finn_build.boards import RESOURCES
from radioml.contract.estimate import Resource
from radioml.errors import RadioMLError
from radioml.files import write_json
from radioml.reading.records import read_record

Counts = dict[Resource, int]
"""Name of each of `finn_build.boards.RESOURCES` -> number."""
KIND = "synthesised by Yosys, not Vivado"
CAVEATS = (
    "Yosys maps each layer by itself; Vivado maps, packs and shares otherwise, and place and route adds to both",
    "a LUT is one of Yosys' cells: two small ones that could share a LUT count as two",
    "no timing is known",
)
_LUTS = {
    "INV": 1, "LUT6_2": 1, **{f"LUT{inputs}": 1 for inputs in range(1, 7)}, "SRL16E": 1, "SRLC32E": 1,
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8, "RAM32X1D": 2, "RAM64X1D": 2,
    "RAM128X1D": 4, "RAM256X1D": 8, "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM32X16DR8": 8,
    "RAM64X8SW": 8, "CCU2C": 2, "TRELLIS_DPR16X4": 6,
}  # fmt: skip
"""Cell of the vendor's library -> LUTs that it takes (UG953 and UG974, LUTs used as memory and as shift register).

An ECP5's LUT has four inputs. Its RAM of 16 x 4 bits takes four LUTs, and two in the slice that writes (FPGA-TN-02204).
"""
_OTHERS: dict[str, tuple[Resource, int]] = {
    "DSP48E1": ("DSP", 1), "DSP48E2": ("DSP", 1), "RAMB18E1": ("BRAM_18K", 1), "RAMB18E2": ("BRAM_18K", 1),
    "RAMB36E1": ("BRAM_18K", 2), "RAMB36E2": ("BRAM_18K", 2), "URAM288": ("URAM", 1),
    "DP16KD": ("BRAM_18K", 1), "MULT18X18D": ("DSP", 1), "TRELLIS_FF": ("FF", 1),
}  # fmt: skip
_FREE = ("CARRY4", "CARRY8", "MUXF7", "MUXF8", "MUXF9", "BUFG", "VCC", "GND", "PFUMX", "L6MUX21", "VLO", "VHI")
"""Cells that lie beside LUTs or are no resource of the catalogue."""


@dataclass(frozen=True)
class LayerSynthesis:
    """One layer, with the width converters and FIFOs in front of it and its weight memory, as the estimate counts it.

    resources: what the netlist takes.
    estimated: FINN's estimate and our correction (estimate.json).
    cells: Yosys' count of each cell of the vendor's library.
    seconds: time that the synthesis took.
    """

    name: str
    resources: Counts
    estimated: Counts
    cells: dict[str, int]
    seconds: float


@dataclass(frozen=True)
class Synthesis:
    """The layers of a design and their sum.

    kind: always `KIND`.
    caveats: remarks on the figures.
    tool: version and command of Yosys.
    """

    kind: str
    caveats: tuple[str, ...]
    tool: str
    board: str
    part: str
    layers: tuple[LayerSynthesis, ...]
    total: Counts
    estimated: Counts

    def write(self, path: Path) -> None:
        """Write the record as JSON."""
        write_json(path, asdict(self))

    def summary(self) -> str:
        """The sum against the estimate, in one line."""
        parts = []
        for name in RESOURCES:
            counted, estimated = self.total[name], self.estimated.get(name)
            if counted or estimated:
                parts.append(f"{counted:,} {name}" + ("" if estimated is None else f" ({estimated:,} estimated)"))
        return f"Synthesised by {self.tool.partition(' (')[0]}, not Vivado, no timing: {', '.join(parts)}"


def read_synthesis(path: Path) -> Synthesis:
    """Read what `Synthesis.write` wrote; raises RadioMLError for a file that is missing or damaged."""
    return read_record(path, Synthesis)


def resources_of(cells: dict[str, int]) -> Counts:
    """Resources that a netlist of these cells takes; raises RadioMLError for a cell of unknown size."""
    found: Counts = dict.fromkeys(RESOURCES, 0)
    for cell, count in cells.items():
        if cell in _LUTS:
            found["LUT"] += _LUTS[cell] * count
        elif cell in _OTHERS:
            name, each = _OTHERS[cell]
            found[name] += each * count
        elif cell.startswith(("FD", "LD")):
            found["FF"] += count
        elif cell not in _FREE:
            raise RadioMLError(f"the netlist has {count} cells {cell}, whose size is not known; see {__name__}")
    return found
