"""The ladder's last rungs: Yosys' netlist of the design, with the vendor's primitives, in Verilator."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from finn_build.boards import load_board
from finn_build.engine.paths import WORK
from finn_build.synthesis.netlists import groups_of
from finn_build.synthesis.scripts import yosys_family
from finn_build.verify.comparison import Difference, first_difference
from finn_build.verify.gate_design import netlist_layers, one_layer, whole, write_gates
from finn_build.verify.layer_streams import record_streams
from finn_build.verify.rtl_rungs import BACK_TO_BACK, STALLS, stream
from finn_build.verify.rung import Reference, Rung, RungResult
from radioml.contract.package import open_package
from radioml.contract.synthesis import Synthesis
from radioml.run_directory import PACKAGE, RTL, SYNTHESIS, SYNTHESIS_REPORT
from radioml.simulation.compiled import simulator_of
from radioml.simulation.design import Design, Layer, read_design
from radioml.simulation.rtl_simulator import RtlSimulator
from radioml.temporary import temporary_folder

LAYER_BY_LAYER = "netlist, layer by layer"
_KIND = "netlist in Verilator"
_LARGEST_WHOLE = 25_000
"""LUTs and flip-flops of the largest design that is compiled as a whole; its simulator takes some minutes."""


def gate_rungs(folder: Path, integers: np.ndarray) -> list[Rung]:
    """Rungs for quantised frames int8 (N, 1024, 2).

    The netlists of all layers are joined as the RTL's layers are, and get the frames back to back and with random
    stalls, see `rtl_rungs`. In a large design with several layers each layer's netlist is simulated by itself: it gets
    the input words of the layer's RTL and must give the output words of the RTL.
    """
    synthesis = Synthesis.read(folder / SYNTHESIS_REPORT)
    if len(synthesis.layers) > 1 and synthesis.total["LUT"] + synthesis.total["FF"] > _LARGEST_WHOLE:
        return [Rung(LAYER_BY_LAYER, _KIND, partial(_layer_by_layer, folder, integers))]
    ways = (BACK_TO_BACK, STALLS)
    return [Rung(way.replace("RTL", "netlist"), _KIND, partial(_whole, folder, integers, way)) for way in ways]


def _whole(folder: Path, integers: np.ndarray, way: str, reference: Reference, result: RungResult) -> None:
    rtl, layers, synthesis = _layers(folder)
    design = whole(rtl, layers)
    cells = {cell for layer in synthesis.layers for cell in layer.cells}
    library = gate_simulator(design, folder / SYNTHESIS, cells, _family(synthesis), folder / WORK / "gates")
    with temporary_folder("radioml-package") as unpacked:
        manifest = open_package(folder / PACKAGE, unpacked).manifest
    stream(library, library.parent, manifest, design.probed, integers, way, reference, result)


def _layer_by_layer(folder: Path, integers: np.ndarray, reference: Reference, result: RungResult) -> None:
    """Simulate each netlist with one stream in and one out; the others are not compared."""
    rtl, layers, synthesis = _layers(folder)
    words = record_streams(folder, rtl, layers, integers)
    cells = {layer.name: layer.cells for layer in synthesis.layers}
    result.layers = len(layers)
    for layer in layers:
        if (len(layer.inputs), len(layer.outputs)) != (1, 1):
            continue
        work = folder / WORK / "gates" / layer.name
        library = gate_simulator(one_layer(layer), folder / SYNTHESIS, cells[layer.name], _family(synthesis), work)
        given = simulate_layer(library, layer, words[layer.inputs[0].tensor])
        expected = words[layer.outputs[0].tensor]
        compare_words(layer.name, expected, given, result)
        result.compared = (*result.compared, layer.name)


def _layers(folder: Path) -> tuple[Design, tuple[Layer, ...], Synthesis]:
    design, synthesis = read_design(folder / RTL), Synthesis.read(folder / SYNTHESIS_REPORT)
    return design, netlist_layers(groups_of(design, [layer.name for layer in synthesis.layers])), synthesis


def _family(synthesis: Synthesis) -> str:
    return yosys_family(load_board(synthesis.board))


def gate_simulator(design: Design, netlists: Path, cells: set[str] | dict[str, int], family: str, work: Path) -> Path:
    """The library with the simulator of a design of netlists, whose HDL lies in `work`; see `write_gates`."""
    write_gates(design, netlists, cells, family, work / "hdl")
    return simulator_of(work / "hdl", optimise=False)


def simulate_layer(library: Path, layer: Layer, words: np.ndarray) -> np.ndarray:
    """Output words of a netlist for the input `words`, both uint8 (N, words a frame, bytes a word)."""
    design = one_layer(layer)
    with RtlSimulator(library, library.parent, design.input, design.output) as simulator:
        return simulator.run(words).integers.astype(np.uint8)


def compare_words(name: str, expected: np.ndarray, given: np.ndarray, result: RungResult) -> None:
    """Note the frames in which a layer gave other words; both are uint8 (N, words a frame, bytes a word)."""
    for frame, (right, found) in enumerate(zip(expected, given, strict=True)):
        if (at := first_difference(right, found)) is None:
            continue
        if frame not in result.mismatching:
            result.mismatching.append(frame)
        difference = Difference(frame, name, name, at, int(right[at]), int(found[at]), ("word", "byte"))
        result.first = result.first or difference
