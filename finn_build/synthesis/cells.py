"""The resources that the cells of a netlist take."""

from __future__ import annotations

from finn_build.boards import RESOURCES
from radioml.contract.estimate import Resource, Resources
from radioml.errors import RadioMLError

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


def resources_of(cells: dict[str, int]) -> Resources:
    """Resources that a netlist of these cells takes; raises RadioMLError for a cell of unknown size."""
    found: Resources = dict.fromkeys(RESOURCES, 0)
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
