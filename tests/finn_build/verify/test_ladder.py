"""The verification ladder: a sound build passes every rung, a fault planted in one is found by that rung alone."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper

from finn_build.engine.paths import FOLDED, NETWORK, WITH_FIFOS, graph_of_step
from finn_build.steps import GRAPH_STEPS
from finn_build.verify.ladder import climb
from radioml.contract.ladder import LadderReport
from radioml.errors import RadioMLError
from tests.finn_build.copied_build import forget_rtl
from tests.finn_build.verify.ladder_reports import RTL_RUNGS, wrong

pytestmark = pytest.mark.rtl


FILES = {
    "QONNX": NETWORK,
    **{step.title: graph_of_step(number, step.id) for number, step in enumerate(GRAPH_STEPS, 1)},
    "fold": FOLDED,
    "insert converters and FIFOs": WITH_FIFOS,
}
WEIGHTED = ("Conv", "MatMul", "MVAU", "MVAU_rtl")


@pytest.fixture
def graphs(small_build, tmp_path):
    """A copy of the build with its graphs alone, as of a build that ended before the RTL."""
    folder = tmp_path / "build"
    for file in FILES.values():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(small_build.folder / file, folder / file)
    shutil.copy(small_build.folder / "build.yaml", folder)
    forget_rtl(folder)
    return folder


def test_sound_build_passes_every_rung(radioml_here, small_build, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    done = radioml_here("verify", small_build.folder, "--frames", 26)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"all {len(FILES) + len(RTL_RUNGS)} rungs give the network's integers" in done.stdout
    report = LadderReport.read(small_build.folder / "verify.json")
    assert [rung.name for rung in report.rungs] == [*FILES, *RTL_RUNGS]
    assert (report.frames, report.classes, report.snrs) == (26, 24, 26)
    assert report.layers == 3
    for rung in report.rungs:
        assert rung.layers_compared == ("features.0", "features.3", "classifier")
    assert list(tmp_path.iterdir()) == [], "files outside the build folder"


@pytest.mark.parametrize("name", FILES)
def test_changed_weight_is_found_by_its_rung_alone(name, graphs, frames, reference):
    """In the graph of one rung, the largest weight of the second convolution changes its sign."""
    model = ModelWrapper(str(graphs / FILES[name]))
    layer = [node for node in model.graph.node if node.op_type in WEIGHTED][1]
    tensor = layer.input[1]
    if (quant := model.find_producer(tensor)) is not None:
        tensor = quant.input[0]
    weights = model.get_initializer(tensor).copy()
    at = np.unravel_index(np.abs(weights).argmax(), weights.shape)
    weights[at] = -weights[at]
    model.set_initializer(tensor, weights)
    model.save(str(graphs / FILES[name]))
    report = climb(graphs, frames, reference, "synthetic")
    assert wrong(report) == [name]
    assert report.first_rung_that_differs == name
    rung = next(rung for rung in report.rungs if rung.name == name)
    first = rung.first_difference
    assert first.layer == "features.3"
    assert first.element.startswith("channel ")
    expected = reference.layers["features.3"][(first.frame, *first.index)]
    assert first.expected == expected != first.found
    assert f"{first.class_} at {first.snr_db:+d} dB" in rung.finding


@pytest.mark.parametrize("name", ["streamline scales into thresholds", "make thresholds exact", "fold"])
def test_thresholds_off_by_one_are_found_by_their_rung_alone(name, graphs, frames, reference):
    model = ModelWrapper(str(graphs / FILES[name]))
    layer = [node for node in model.graph.node if "Threshold" in node.op_type][1]
    thresholds = model.get_initializer(layer.input[1]).copy()
    thresholds[1] += 1
    model.set_initializer(layer.input[1], thresholds)
    model.save(str(graphs / FILES[name]))
    report = climb(graphs, frames, reference, "synthetic")
    assert wrong(report) == [name]
    first = report.first_wrong.first_difference
    assert (first.layer, first.node, first.index[0]) == ("features.3", layer.name, 1)
    assert first.found == first.expected - 1


def test_rounding_that_the_next_step_mends_is_no_difference(graphs, frames, reference):
    """Thresholds a ten-thousandth above an integer, as single precision makes them now and then."""
    name = "streamline scales into thresholds"
    model = ModelWrapper(str(graphs / FILES[name]))
    layer = model.get_nodes_by_op_type("MultiThreshold")[1]
    thresholds = np.ceil(model.get_initializer(layer.input[1])) + np.float32(1e-4)
    model.set_initializer(layer.input[1], thresholds)
    model.save(str(graphs / FILES[name]))
    report = climb(graphs, frames, reference, "synthetic")
    assert not wrong(report)
    mended = {rung.name: rung.levels_mended_later for rung in report.rungs}
    assert mended.pop(name) > 0
    assert not any(mended.values())


def test_graph_that_cannot_be_executed_is_a_failed_rung(graphs, frames, reference):
    model = ModelWrapper(str(graphs / FOLDED))
    layer = model.get_nodes_by_op_type("MVAU_rtl")[0]
    model.set_initializer(layer.input[1], model.get_initializer(layer.input[1])[:-1])
    model.save(str(graphs / FOLDED))
    report = climb(graphs, frames, reference, "synthetic")
    assert wrong(report) == ["fold"]
    said = report.first_wrong.finding
    assert said.startswith("MVAU_rtl_0: cannot be executed: ValueError: matmul")
    log = (graphs / "finn" / "verify.log").read_text()
    assert "rung 'fold' failed" in log and "Traceback" in log


def test_a_programming_error_is_no_finding(graphs, frames, reference, monkeypatch):
    def mistaken(*_):
        raise TypeError("a mistake of ours")

    monkeypatch.setattr("finn_build.verify.graph_rungs.compare_frame", mistaken)
    with pytest.raises(TypeError, match="a mistake of ours"):
        climb(graphs, frames, reference, "synthetic")
    assert not (graphs / "verify.json").exists()


def test_a_rung_with_another_number_of_activations_fails(graphs, frames, reference):
    """The logits alone would be equal: the network has one more activation than it is compared with."""
    _, *others = reference.layers
    short = replace(reference, layers={name: reference.layers[name] for name in others})
    report = climb(graphs, frames, short, "synthetic")
    assert wrong(report) == list(FILES)
    for rung in report.rungs:
        assert rung.problem.startswith("gives 2 activations where the network has 1, so they cannot be compared")
        assert rung.mismatching_frames == 0


def test_layers_of_another_size_are_counted(graphs, frames, reference):
    layers = {**reference.layers, "features.0": reference.layers["features.0"][:, :, ::2]}
    report = climb(graphs, frames, replace(reference, layers=layers), "synthetic")
    assert not wrong(report)
    assert report.layers == 3
    assert all(rung.layers_compared == ("features.3", "classifier") for rung in report.rungs)


def test_build_without_the_graph_of_a_step_is_refused(graphs, frames, reference):
    (graphs / FILES["make thresholds exact"]).unlink()
    with pytest.raises(RadioMLError, match=r"_exact_thresholds\.onnx: missing"):
        climb(graphs, frames, reference, "synthetic")
