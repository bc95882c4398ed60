"""A network with residual sums, from its graph to bit-exact RTL; a FIFO that is too shallow for its branch is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from rich.console import Console

from finn_build.boards import load_board
from finn_build.build import build
from finn_build.engine.finn_session import finn_session
from finn_build.engine.paths import FOLDED, STEPS
from finn_build.estimate.branch_fifos import waiting_words
from finn_build.estimate.corrections import corrections, fifo_luts, stream_luts
from finn_build.folding.align_stream_widths import slow_converters
from finn_build.folding.folding import fold_to_cycles
from finn_build.model_check.check_model import examine
from finn_build.rtl.fifo_sizing import SLACK_WORDS
from finn_build.verify.ladder import climb
from finn_build.verify.rtl_rungs import STALLS
from finn_build.verify.rung import Reference
from radioml.contract.metadata import load_exported
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from radioml.reading.text import read_json
from radioml.run_directory import FIFO_DEPTHS, RTL
from radioml.simulation.compiled import simulator_of
from radioml.simulation.design import read_design
from radioml.simulation.rtl_simulator import RtlSimulator
from tests.seeded_network import exported
from training.trained.inner_levels import inner_levels

pytestmark = pytest.mark.rtl

PARAMETERS = {"channels": [4, 4, 4, 6], "kernels": [5, 9, 5, 3], "strides": [8, 1, 1, 2]}
"""Two residual blocks, one behind the other: the second sum adds to the first."""
FRAMES = 26


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("residual"), PARAMETERS, one_scale=True)


@pytest.fixture(scope="module")
def built(model, quick_simulators):
    return build(model, "ZCU104", "rtl", target_fps=100_000, console=Console(quiet=True))


@pytest.fixture(scope="module")
def frames():
    return generate_spread(FRAMES, seed=6)


@pytest.fixture(scope="module")
def reference(model, frames):
    trained = inner_levels(model.with_name("checkpoint.pth"), frames.iq)
    return Reference(trained.logits, trained.layers, trained.classifier)


def test_every_rung_gives_the_networks_integers(built, frames, reference):
    report = climb(built.folder, frames, reference, "synthetic")
    assert report.equal, report.rungs
    assert [rung.name for rung in report.rungs][-1] == STALLS
    for rung in report.rungs:
        assert rung.layers_compared == (*reference.layers, "classifier")
    levels = [len(np.unique(layer)) for layer in reference.layers.values()]
    assert min(levels) > 8, "dead layers show nothing"
    assert len(np.unique(reference.logits.argmax(1))) > 1


def test_a_sum_with_the_wrong_branch_is_found(built, frames, reference, tmp_path):
    folder = tmp_path / "build"
    shutil.copytree(built.folder, folder)
    layers = ModelWrapper(str(folder / FOLDED))
    first, second = layers.get_nodes_by_op_type("StreamSum_rtl")
    second.input[0] = first.input[0]
    layers.save(str(folder / FOLDED))
    report = climb(folder, frames, reference, "synthetic")
    assert report.first_rung_that_differs == "fold"
    (wrong,) = [rung for rung in report.rungs if not rung.equal]
    assert wrong.first_difference.layer == "blocks.3.layers.0"


def test_sums_are_as_wide_as_they_must_be(built):
    layers = ModelWrapper(str(built.folder / FOLDED))
    first, second = layers.get_nodes_by_op_type("StreamSum_rtl")
    assert [str(layers.get_tensor_datatype(node.output[0])) for node in (first, second)] == ["UINT7", "UINT8"]
    kinds = [node.op_type for node in layers.graph.node]
    assert kinds.count("DuplicateStreams_rtl") == 2
    assert all(kind.endswith("_rtl") for kind in kinds)


def test_scales_that_differ_are_refused(tmp_path):
    proto, metadata = load_exported(exported(tmp_path, PARAMETERS, one_scale=False))
    found = examine(ModelWrapper(proto), metadata).problems("estimate")
    assert list(found) == ["Add Add_0", "Add Add_1"]
    assert "adds integers that count in steps of 0.0" in found["Add Add_0"]
    assert "2 layers read the result, so it cannot be pushed behind one: use one quantiser" in found["Add Add_0"]
    assert "such a join of more than two branches has no exact integers" in found["Add Add_1"]
    assert found["Add Add_1"].count("Quant_") == 3


def test_a_sum_of_what_is_not_quantised_is_refused(model):
    proto, metadata = load_exported(model)
    network = ModelWrapper(proto)
    add = network.get_nodes_by_op_type("Add")[0]
    quant = network.find_producer(add.input[1])
    add.input[1] = quant.input[0]
    problem = examine(network, metadata).problems("estimate")["Add Add_0"]
    assert "not quantised right in front of it; FINN adds integers" in problem


def test_the_formula_of_branch_fifos_against_the_gauge(built):
    """The FIFO in front of each sum, on the branch that comes straight from the fork."""
    depths = read_json(built.folder / FIFO_DEPTHS)
    with finn_session(built.folder / "finn", built.folder / "log"):
        estimated = waiting_words(ModelWrapper(str(built.folder / FOLDED)))
    for name in ("StreamSum_rtl_0", "StreamSum_rtl_1"):
        gauged = depths[branch_fifo(built.folder, name)] - SLACK_WORDS
        assert abs(max(words for (layer, _), words in estimated.items() if layer == name) - gauged) <= 4


def branch_fifo(folder, name):
    """The FIFO between a fork and a sum."""
    layers = {layer.name: layer for layer in read_design(folder / RTL).layers}
    given = {wire.tensor: layer.name for layer in layers.values() for wire in layer.outputs}
    fifos = [given[wire.tensor] for wire in layers[name].inputs]
    return next(fifo for fifo in fifos if given[layers[fifo].inputs[0].tensor].startswith("DuplicateStreams"))


def test_a_branch_fifo_that_is_too_shallow_is_named(built, tmp_path):
    hdl, fifo = (
        Path(shutil.copytree(built.folder / RTL, tmp_path / "rtl")),
        branch_fifo(built.folder, "StreamSum_rtl_0"),
    )
    text = (hdl / f"{fifo}.v").read_text()
    depth = read_json(built.folder / FIFO_DEPTHS)[fifo]
    assert text.count(f".DEPTH({depth})") == 1
    (hdl / f"{fifo}.v").write_text(text.replace(f".DEPTH({depth})", ".DEPTH(4)"))
    design = read_design(hdl)
    with (
        RtlSimulator(simulator_of(hdl), hdl, design.input, design.output) as simulator,
        pytest.raises(RadioMLError) as stopped,
    ):
        simulator.run(np.zeros((2, *design.input.shape), np.int8), timeout_cycles=20_000)
    assert "the simulated design is deadlocked" in str(stopped.value)
    assert str(stopped.value).endswith(
        "DuplicateStreams_rtl_0 gives to two branches that meet in StreamSum_rtl_0, which waits for a word of one "
        f"branch while the other is full: {fifo} is too shallow"
    )


def test_estimate_counts_forks_and_sums(built):
    value = built.estimate
    assert value.cycles_per_frame <= 2_500
    assert value.slowest_layer in [layer.name for layer in value.layers]
    assert value.folded.limit.startswith(value.slowest_layer)
    with finn_session(built.folder / "finn", built.folder / "log"):
        layers = ModelWrapper(str(built.folder / FOLDED))
        sums = [node.name for node in layers.graph.node if node.op_type == "StreamSum_rtl"]
        assert layers.get_node_from_name(sums[0]).input[0].startswith("DuplicateStreams")
        counted = corrections(layers, load_board("ZCU104"))
    # The first sum: 4 pixels of padding cut off the 8 that the window of 9 waits for, and one in each of four layers.
    words = (8 - 4 + 4) * 4
    assert counted[sums[0]]["LUT"] == stream_luts(6, 6, words) + fifo_luts(6)


@pytest.mark.parametrize("cycles", [1, 700, 20_000])
def test_any_folding_waits_for_as_many_pixels_and_aligns_streams(built, cycles):
    minimised = sorted((built.folder / STEPS).glob("*.onnx"))[-1]
    with finn_session(built.folder / "finn", built.folder / "log"):
        layers = fold_to_cycles(ModelWrapper(str(minimised)), cycles)
        assert slow_converters(layers) == []
        from finn.util.basic import getHWCustomOp

        for (name, index), words in waiting_words(layers).items():
            node = layers.get_node_from_name(name)
            from_fork = layers.find_producer(node.input[index]).op_type == "DuplicateStreams_rtl"
            words_a_pixel = 4 // getHWCustomOp(node).get_nodeattr("PE")
            pixels = {"StreamSum_rtl_0": 8, "StreamSum_rtl_1": 6}[name]
            assert words == (pixels * words_a_pixel if from_fork else 0)


def test_the_maximum_over_time_is_taken_in_two_steps(built):
    layers = ModelWrapper(str(built.folder / FOLDED))
    windows = [
        next(list(a.ints) for a in node.attribute if a.name == "KernelSize")
        for node in layers.graph.node
        if node.op_type.startswith("Pool")
    ]
    assert windows == [[8, 1], [8, 1]]
