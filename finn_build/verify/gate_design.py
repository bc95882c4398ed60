"""HDL of a synthesised design, or of one of its layers, for the simulator: netlists, models of their cells, a top."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from finn_build.rtl.top import ends, stitch
from finn_build.synthesis.netlists import Group
from finn_build.synthesis.scripts import ECP5
from finn_build.synthesis.yosys import cell_text
from finn_build.verify.block_ram import BLOCK_RAMS, block_ram
from finn_build.verify.ecp5_cells import ECP5_CELLS, ecp5_cell
from radioml.contract.package import StreamFormat
from radioml.errors import RadioMLError
from radioml.files import write_text
from radioml.simulation.design import FILE_LIST, TOP, Design, Layer, Wire

CELLS = Path(__file__).with_name("cells")
"""Our models of cells that Yosys' library declares without behaviour: one file a cell, its name in lower case."""
_LIBRARIES = {ECP5: ("lattice/common_sim.vh", "lattice/ccu2c_sim.vh")}
"""Family -> the libraries of Yosys that have behaviour."""
_AMD = ("xilinx/cells_sim.v",)
_INSIDE = {"CCU2C": ("LUT2", "LUT4")}
"""Cell -> cells that its model is made of."""
_MODELS = "cells.v"


def netlist_layers(groups: Sequence[Group]) -> tuple[Layer, ...]:
    """Each group as one layer of a design, whose module is the netlist's."""
    layers = []
    for group in groups:
        inputs, outputs = ends(group.layers)
        (last,) = (layer for layer in group.layers if layer.name == group.name)
        layers.append(Layer(group.name, group.module, inputs, outputs, probe=last.probe))
    return tuple(layers)


def whole(rtl: Design, layers: tuple[Layer, ...]) -> Design:
    """The design of all netlists, joined as the RTL's layers are."""
    return replace(rtl, layers=layers, data_files=())


def one_layer(layer: Layer) -> Design:
    """The design of one netlist, between streams of bytes; raises ValueError for several input or output streams."""
    (source,), (target,) = layer.inputs, layer.outputs
    return Design(raw(source), raw(target), (replace(layer, probe=None),), ())


def write_gates(design: Design, netlists: Path, cells: Iterable[str], family: str, hdl: Path) -> None:
    """Write the HDL of a design of netlists to a new folder.

    Args:
        design: its layers are `netlist_layers`.
        netlists: folder with a file LAYER.v for each of them.
        cells: names of all cells in the netlists.
        family: FPGA family of the cells, see `scripts.yosys_family`.
        hdl: the new folder.

    Raises RadioMLError for a cell that has no model.
    """
    models = models_of(cells, family)
    shutil.rmtree(hdl, ignore_errors=True)
    hdl.mkdir(parents=True)
    names = [f"{layer.name}.v" for layer in design.layers]
    for name in names:
        shutil.copyfile(netlists / name, hdl / name)
    write_text(hdl / _MODELS, models)
    write_text(hdl / f"{TOP}.v", stitch(design.layers))
    design.write(hdl)
    write_text(hdl / FILE_LIST, "\n".join([_MODELS, *names, f"{TOP}.v"]) + "\n")


def models_of(cells: Iterable[str], family: str) -> str:
    """Verilog with the behaviour of these cells; raises RadioMLError for a cell that has no model."""
    inside = (name for cell in cells for name in (cell, *_INSIDE.get(cell, ())))
    return "".join(_model(cell, family) for cell in sorted(set(inside)))


def _model(cell: str, family: str) -> str:
    own = CELLS / f"{cell.lower()}.v"
    if own.is_file():
        return own.read_text(encoding="utf-8")
    if cell in BLOCK_RAMS:
        return block_ram(cell)
    if cell in ECP5_CELLS:
        return ecp5_cell(cell)
    for library in _LIBRARIES.get(family, _AMD):
        if found := cell_text(library, cell):
            return found
    raise RadioMLError(f"the netlist has cells {cell} without a model; add one to {CELLS}")


def raw(wire: Wire) -> StreamFormat:
    """The words of a stream as they are: bytes without a meaning, (words, bytes of a word)."""
    width = wire.bits // 8
    return StreamFormat((wire.words, width), width, 8, False, width)
