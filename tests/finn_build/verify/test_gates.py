"""Gate level: a layer's netlist gives the words of the RTL; wrong weights, LUTs and DSPs are noticed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from finn_build.synthesis.netlists import Group, groups_of, synthesise
from finn_build.verify import gate_rungs
from finn_build.verify.gate_design import netlist_layers, one_layer, write_gates
from finn_build.verify.gate_rungs import compare_words, gate_simulator, simulate_layer
from finn_build.verify.layer_streams import record_streams
from finn_build.verify.rung import RungResult
from radioml.contract.metadata import load_exported
from radioml.contract.synthesis import Synthesis
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from radioml.run_directory import SYNTHESIS, SYNTHESIS_REPORT
from radioml.simulation.design import Layer, read_design

FRAMES = 26


@dataclass(frozen=True)
class Bench:
    """The classifier of the small network: its RTL's group, its netlist as a layer, and the RTL's words in and out."""

    folder: Path
    group: Group
    layer: Layer
    words_in: np.ndarray
    words_out: np.ndarray

    def outcome(self, netlist: str, work: Path) -> RungResult:
        """Simulate a netlist on frames of all SNRs and compare its words with the RTL's."""
        (work / "netlists").mkdir(parents=True, exist_ok=True)
        (work / "netlists" / f"{self.layer.name}.v").write_text(netlist)
        cells = set(re.findall(r"^  ([A-Z]\w+) (?:#\(|_)", netlist, re.M))
        library = gate_simulator(one_layer(self.layer), work / "netlists", cells, "xc7", work)
        result = RungResult("netlist", "", FRAMES, 1)
        compare_words(self.layer.name, self.words_out, simulate_layer(library, self.layer, self.words_in), result)
        return result


@pytest.fixture(scope="module")
def bench(synthesised: Path, small_build) -> Bench:
    design = read_design(synthesised / "rtl")
    groups = groups_of(design, [layer.name for layer in Synthesis.read(synthesised / SYNTHESIS_REPORT).layers])
    layers = netlist_layers(groups)
    _, metadata = load_exported(small_build.model)
    words = record_streams(synthesised, design, layers, metadata.quantiser(generate_spread(FRAMES, 0).iq))
    last = layers[-1]
    return Bench(synthesised, groups[-1], last, words[last.inputs[0].tensor], words[last.outputs[0].tensor])


def netlist_of(bench: Bench) -> str:
    return (bench.folder / SYNTHESIS / f"{bench.layer.name}.v").read_text()


def lut_term(netlist: str) -> str:
    """The sum bit of an adder is 1 where both inputs are."""
    found = netlist.replace("LUT2 #(\n    .INIT(4'h6)", "LUT2 #(\n    .INIT(4'he)", 1)
    assert found != netlist
    return found


def swapped_operands(netlist: str) -> str:
    """The first DSP gets the weights at A and no D: it computes -A times B in the place of D times B."""
    block = re.search(r"^  DSP48E1 #\(.*?^  \);", netlist, re.M | re.S)
    assert block is not None
    weights = re.search(r"^    \.D\((.*?)\),\n", block[0], re.M | re.S)
    assert weights is not None and "    .A(30'h00000000),\n" in block[0]
    wrong = block[0].replace(f".D({weights[1]})", ".D(25'h0000000)")
    wrong = wrong.replace(".A(30'h00000000)", f".A({{5'h00, {weights[1]}}})")
    return netlist.replace(block[0], wrong)


def test_the_netlist_gives_the_words_of_the_rtl(bench, tmp_path):
    assert bench.outcome(netlist_of(bench), tmp_path).equal


@pytest.mark.parametrize("fault", [lut_term, swapped_operands])
def test_a_wrong_cell_is_noticed(bench, tmp_path, fault: Callable[[str], str]):
    result = bench.outcome(fault(netlist_of(bench)), tmp_path)
    assert result.mismatching
    assert result.first is not None and result.first.layer == bench.layer.name


@pytest.mark.parametrize("bit", [8, 1], ids=["sign", "lowest bit"])
def test_a_wrong_weight_is_noticed(bench, tmp_path, bit):
    hdl = tmp_path / "rtl"
    shutil.copytree(bench.folder / "rtl", hdl)
    memory = hdl / f"{bench.layer.name}_memblock.dat"
    first, rest = memory.read_text().split("\n", 1)
    memory.write_text(f"{first[:-1]}{int(first[-1], 16) ^ bit:x}\n{rest}")
    netlist = synthesise([bench.group], hdl, "xc7", tmp_path / "yosys", lambda done: None)[bench.layer.name].verilog
    assert bench.outcome(netlist.read_text(), tmp_path).mismatching


def test_layers_one_by_one_are_a_rung(synthesised, small_build, monkeypatch):
    """A padding, which gives words before it gets any, and the input generator behind it."""
    design, layers, synthesis = gate_rungs._layers(synthesised)
    monkeypatch.setattr(gate_rungs, "_layers", lambda folder: (design, layers[:2], synthesis))
    monkeypatch.setattr(gate_rungs, "_LARGEST_WHOLE", 0)
    _, metadata = load_exported(small_build.model)
    (rung,) = gate_rungs.gate_rungs(synthesised, metadata.quantiser(generate_spread(FRAMES, 0).iq))
    result = RungResult(rung.name, rung.kind, FRAMES, len(layers))
    rung.run(None, result)
    assert rung.name == gate_rungs.LAYER_BY_LAYER
    assert result.equal and result.compared == tuple(layer.name for layer in layers[:2])


def test_a_cell_without_a_model_is_refused(bench, tmp_path):
    with pytest.raises(RadioMLError, match="cells URAM288 without a model"):
        write_gates(one_layer(bench.layer), bench.folder / SYNTHESIS, {"URAM288"}, "xc7", tmp_path / "hdl")


def test_the_whole_netlist_is_a_rung(synthesised, small_build, radioml):
    checkpoint = small_build.run / "train" / "checkpoint.pth"
    done = radioml(
        "verify", synthesised, "--frames", FRAMES, "--gates", "--checkpoint", checkpoint, home=small_build.home
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"netlist, back to back .* equal", done.stdout)
    assert re.search(r"netlist, random stalls .* equal", done.stdout)
