"""`python -m tests.bench.gate_faults BUILD`: faults planted in the netlist of every layer, as Markdown.

The netlist of a layer gets the words that its RTL gets on 26 frames of all SNRs. A fault is caught when the netlist
gives another word than the RTL. Faults are LUTs that are wrong in one term, DSPs whose operands A and D are swapped,
and a weight with a wrong sign or a wrong lowest bit, for which the layer is synthesised again. Missed faults are told
apart: those that are never reached on these frames, and those that are reached and change no word.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finn_build.boards import load_board
from finn_build.engine.graphs import load_graph
from finn_build.engine.paths import NETWORK, WITH_FIFOS
from finn_build.synthesis.netlists import Group, groups_of, synthesise
from finn_build.synthesis.scripts import yosys_family
from finn_build.verify.gate_design import netlist_layers, one_layer
from finn_build.verify.gate_rungs import gate_simulator, simulate_layer
from finn_build.verify.layer_streams import record_streams
from radioml.contract.estimate import Estimate, LayerEstimate
from radioml.contract.metadata import load_exported
from radioml.contract.synthesis import Synthesis
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from radioml.run_directory import ESTIMATE, RTL, SYNTHESIS, SYNTHESIS_REPORT
from radioml.simulation.design import Layer, read_design
from radioml.temporary import temporary_folder

FRAMES = 26
_CHOICE = "fault.dat"
"""Number of the fault that a simulation has; with `_STOP` added the simulation stops where the fault is reached."""
_STOP = 0x8000
_LUT = re.compile(r"^  LUT(\d) #\(\n.*?^  \);\n", re.M | re.S)
_DSP = re.compile(r"^  DSP48E\d #\(.*?^  \);\n", re.M | re.S)


@dataclass(frozen=True)
class Faulty:
    """A netlist with faults that the file `_CHOICE` chooses from: numbers from 1, those of LUTs, then those of DSPs."""

    netlist: str
    luts: int
    dsps: int


def plant(netlist: str, luts: int, dsps: int, seed: int) -> Faulty:
    """Plant faults in cells chosen at random, at most as many as there are cells."""
    random = np.random.default_rng(seed)
    hits: list[str] = []
    for pattern, most, change in ((_LUT, luts, _wrong_term), (_DSP, dsps, _swapped)):
        found = [match[0] for match in pattern.finditer(netlist)]
        for at in sorted(random.choice(len(found), min(most, len(found)), replace=False).tolist()):
            changed = change(found[at], len(hits) + 1, random)
            if changed and netlist.count(found[at]) == 1:
                netlist = netlist.replace(found[at], changed)
                hits.append(f"fault_hit{len(hits) + 1}")
        if pattern is _LUT:
            planted = len(hits)
    stop = "".join(
        f"  always @(posedge ap_clk) if(fault == {_STOP + i + 1} && {hit}) $stop;\n" for i, hit in enumerate(hits)
    )
    choice = f'  reg [15:0] fault_file [0:0];\n  initial $readmemh("./{_CHOICE}", fault_file);\n'
    choice += "  wire [15:0] fault = fault_file[0];\n"
    head = re.search(r"^module .*?;\n", netlist, re.M | re.S)
    assert head is not None
    netlist = netlist[: head.end()] + choice + netlist[head.end() :]
    return Faulty(netlist.replace("endmodule", f"{stop}endmodule"), planted, len(hits) - planted)


def _wrong_term(cell: str, number: int, random: np.random.Generator) -> str:
    """A LUT that gives the other bit in one of its terms."""
    inputs = re.findall(r"\.I(\d)\((.*?)\)[,\n]", cell)
    output = re.search(r"\.O\((.*?)\)\n", cell)
    assert output is not None and inputs
    term = int(random.integers(2 ** len(inputs)))
    word = ", ".join(wire for _, wire in sorted(inputs, reverse=True))
    return (
        f"  wire fault_out{number};\n  wire fault_hit{number} = {{{word}}} == {term};\n"
        f"  assign {output[1]} = fault_out{number} ^ (fault == {number} && fault_hit{number});\n"
        + cell.replace(output[0], f".O(fault_out{number})\n")
    )


def _swapped(cell: str, number: int, random: np.random.Generator) -> str:
    """A DSP whose operands A and D are swapped."""
    ports = {name: re.search(rf"    \.{name}\((.*?)\),?\n", cell, re.S) for name in "AD"}
    a, d = (ports[name] for name in "AD")
    if a is None or d is None:
        return ""
    wires = f"  wire [29:0] fault_a{number} = {a[1]};\n  wire [29:0] fault_d{number} = {d[1]};\n"
    wires += f"  wire fault_hit{number} = fault_a{number} != fault_d{number};\n"
    swap = f"fault == {number}? "
    changed = cell.replace(a[0], a[0].replace(a[1], f"{swap}fault_d{number} : fault_a{number}"))
    return wires + changed.replace(d[0], d[0].replace(d[1], f"{swap}fault_a{number} : fault_d{number}"))


@dataclass(frozen=True)
class Bench:
    """A synthesised build folder and the words of its RTL between the layers."""

    folder: Path
    family: str
    words: dict[str, np.ndarray]

    def differs(self, layer: Layer, library: Path) -> bool:
        """Whether a netlist gives other words than the RTL, or none."""
        expected = self.words[layer.outputs[0].tensor]
        try:
            return not np.array_equal(simulate_layer(library, layer, self.words[layer.inputs[0].tensor]), expected)
        except RadioMLError:
            return True

    def simulator(self, layer: Layer, netlist: str, work: Path) -> Path:
        """The library with a netlist, alone in the folder `work`, where its data files lie, too."""
        (work / "netlists").mkdir(parents=True, exist_ok=True)
        (work / "netlists" / f"{layer.name}.v").write_text(netlist)
        cells = set(re.findall(r"^  ([A-Z]\w+) (?:#\(|_)", netlist, re.M))
        shutil.copyfile(
            gate_simulator(one_layer(layer), work / "netlists", cells, self.family, work), work / "layer.so"
        )
        return work / "layer.so"

    def cells(self, layer: Layer, luts: int, work: Path) -> tuple[str, str]:
        """Faults of LUTs and of DSPs, in words: how many were caught, and why the others were not."""
        netlist = (self.folder / SYNTHESIS / f"{layer.name}.v").read_text()
        faulty = plant(netlist, luts, 3, seed=0)
        library = self.simulator(layer, faulty.netlist, work)

        def chosen(number: int) -> bool:
            (work / _CHOICE).write_text(f"{number:x}\n")
            return self.differs(layer, library)

        assert not chosen(0), f"{layer.name}: differs without a fault"
        texts = []
        for first, count in ((1, faulty.luts), (1 + faulty.luts, faulty.dsps)):
            missed = [number for number in range(first, first + count) if not chosen(number)]
            reached = sum(chosen(_STOP + number) for number in missed)
            why = f"; {len(missed) - reached} never reached, {reached} masked" if missed else ""
            texts.append(f"{count - len(missed)} of {count}{why}" if count else "none")
        return texts[0], texts[1]

    def weights(self, layer: Layer, group: Group, estimate: LayerEstimate, work: Path) -> list[str]:
        """Whether a weight with another sign, and one with another lowest bit, is caught."""
        memory = next((part for part in group.layers if part.weight_memory), None)
        if memory is None:
            return ["", ""]
        parallel = estimate.folding["PE"] * estimate.folding["SIMD"]
        nodes = {node.name: node for node in load_graph(self.folder / WITH_FIFOS).graph.node}
        kind = next(item.s.decode() for item in nodes[memory.name].attribute if item.name == "weightDataType")
        bits = int(kind.lstrip("UINT"))  # the memory's words are padded to bytes
        found = []
        for bit in (bits - 1, 0):
            place = work / f"bit{bit}"
            shutil.copytree(self.folder / RTL, place / "rtl")
            data = place / "rtl" / f"{memory.name}_memblock.dat"
            lines = data.read_text().split()
            random = np.random.default_rng(bit)
            at, element = int(random.integers(len(lines))), int(random.integers(parallel))
            lines[at] = f"{int(lines[at], 16) ^ 1 << (bits * element + bit):0{len(lines[at])}x}"
            data.write_text("\n".join(lines) + "\n")
            made = synthesise([group], place / "rtl", self.family, place / "yosys", lambda done: None)[group.name]
            library = self.simulator(layer, made.verilog.read_text(), place)
            found.append("caught" if self.differs(layer, library) else f"not: word {at}, weight {element}")
        return found


def sweep(folder: Path, luts: int, names: Sequence[str] | None) -> None:
    design, synthesis = read_design(folder / RTL), Synthesis.read(folder / SYNTHESIS_REPORT)
    estimates = {layer.name: layer for layer in Estimate.read(folder / ESTIMATE).layers}
    groups = groups_of(design, [layer.name for layer in synthesis.layers])
    layers = netlist_layers(groups)
    _, metadata = load_exported(folder / NETWORK)
    words = record_streams(folder, design, layers, metadata.quantiser(generate_spread(FRAMES, 0).iq))
    bench = Bench(folder, yosys_family(load_board(synthesis.board)), words)
    print("| layer | wrong terms of LUTs | swapped operands of DSPs | wrong sign | wrong lowest bit |")
    print("|---|---|---|---|---|")
    for group, layer in zip(groups, layers, strict=True):
        if (names and layer.name not in names) or (len(layer.inputs), len(layer.outputs)) != (1, 1):
            continue
        with temporary_folder("gate-faults") as work:
            cells = bench.cells(layer, luts, work / "cells")
            weights = bench.weights(layer, group, estimates[layer.name], work)
        print(f"| `{layer.name}` | {' | '.join((*cells, *weights))} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Plant faults in the netlist of every layer of a synthesised build.")
    parser.add_argument("build", type=Path)
    parser.add_argument("--luts", type=int, default=20, help="faults of LUTs a layer")
    parser.add_argument("--layer", action="append", help="look at this layer alone; may be given more than once")
    arguments = parser.parse_args()
    sweep(arguments.build.resolve(), arguments.luts, arguments.layer)
