"""The verification ladder: a sound build passes every rung, a fault planted in one is found by that rung alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from qonnx.core.modelwrapper import ModelWrapper
from rich.console import Console

from finn_build.build import build
from finn_build.engine.paths import FOLDED, NETWORK, WITH_FIFOS, graph_of_step
from finn_build.steps import GRAPH_STEPS
from finn_build.verify.ladder import climb, describe
from finn_build.verify.rtl_rungs import BACK_TO_BACK, FRAME_GAPS, STALLS, WORD_GAPS
from finn_build.verify.rung import Reference
from radioml.contract.package import RTL_FOLDER, open_package, write_package
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from radioml.reading.text import read_json
from tests.repository import packed
from training.models import create
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export
from training.trained.inner_levels import inner_levels

pytestmark = pytest.mark.rtl

FILES = {
    "QONNX": NETWORK,
    **{step.title: graph_of_step(number, step.id) for number, step in enumerate(GRAPH_STEPS, 1)},
    "fold": FOLDED,
    "insert converters and FIFOs": WITH_FIFOS,
}
RTL_RUNGS = (BACK_TO_BACK, WORD_GAPS, FRAME_GAPS, STALLS)
WEIGHTED = ("Conv", "MatMul", "MVAU", "MVAU_rtl")


@pytest.fixture(scope="module")
def frames():
    return generate_spread(26, seed=11)


@pytest.fixture(scope="module")
def reference(small_build, frames):
    trained = inner_levels(small_build.run / "train" / "checkpoint.pth", frames.iq)
    return Reference(trained.logits, trained.layers, trained.classifier)


@pytest.fixture
def graphs(small_build, tmp_path):
    """A copy of the build with its graphs alone, as of a build that ended before the RTL."""
    folder = tmp_path / "build"
    for file in FILES.values():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(small_build.folder / file, folder / file)
    record = yaml.safe_load((small_build.folder / "build.yaml").read_text())
    del record["stages"]["rtl"]
    (folder / "build.yaml").write_text(yaml.safe_dump(record))
    return folder


def wrong(report) -> list[str]:
    return [rung["name"] for rung in report["rungs"] if not rung["equal"]]


def test_sound_build_passes_every_rung(radioml, small_build):
    done = radioml("verify", small_build.folder, "--frames", 26, home=small_build.home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"all {len(FILES) + len(RTL_RUNGS)} rungs give the network's integers" in done.stdout
    report = read_json(small_build.folder / "verify.json")
    assert [rung["name"] for rung in report["rungs"]] == [*FILES, *RTL_RUNGS]
    assert (report["frames"], report["classes"], report["snrs"]) == (26, 24, 26)
    assert report["layers"] == 3
    for rung in report["rungs"]:
        assert rung["layers_compared"] == ["features.0", "features.3", "classifier"]


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
    assert report["first_rung_that_differs"] == name
    rung = next(rung for rung in report["rungs"] if rung["name"] == name)
    first = rung["first_difference"]
    assert first["layer"] == "features.3"
    assert first["element"].startswith("channel ")
    expected = reference.layers["features.3"][(first["frame"], *first["index"])]
    assert first["expected"] == expected != first["found"]
    assert f"{first['class']} at {first['snr_db']:+d} dB" in describe(rung)


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
    first = next(rung for rung in report["rungs"] if not rung["equal"])["first_difference"]
    assert (first["layer"], first["node"], first["index"][0]) == ("features.3", layer.name, 1)
    assert first["found"] == first["expected"] - 1


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
    mended = {rung["name"]: rung["levels_mended_later"] for rung in report["rungs"]}
    assert mended.pop(name) > 0
    assert not any(mended.values())


def test_graph_that_cannot_be_executed_is_a_failed_rung(graphs, frames, reference):
    model = ModelWrapper(str(graphs / FOLDED))
    layer = model.get_nodes_by_op_type("MVAU_rtl")[0]
    model.set_initializer(layer.input[1], model.get_initializer(layer.input[1])[:-1])
    model.save(str(graphs / FOLDED))
    report = climb(graphs, frames, reference, "synthetic")
    assert wrong(report) == ["fold"]
    said = describe(next(rung for rung in report["rungs"] if not rung["equal"]))
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
    for rung in report["rungs"]:
        assert rung["problem"].startswith("gives 2 activations where the network has 1, so they cannot be compared")
        assert rung["mismatching_frames"] == 0


def test_layers_of_another_size_are_counted(graphs, frames, reference):
    layers = {**reference.layers, "features.0": reference.layers["features.0"][:, :, ::2]}
    report = climb(graphs, frames, replace(reference, layers=layers), "synthetic")
    assert not wrong(report)
    assert report["layers"] == 3
    assert all(rung["layers_compared"] == ["features.3", "classifier"] for rung in report["rungs"])


def test_build_without_the_graph_of_a_step_is_refused(graphs, frames, reference):
    (graphs / FILES["make thresholds exact"]).unlink()
    with pytest.raises(RadioMLError, match=r"_exact_thresholds\.onnx: missing"):
        climb(graphs, frames, reference, "synthetic")


def repackaged(small_build, folder: Path, change) -> Path:
    """A copy of the build with another package: `change` edits the folder of its RTL and may add files."""
    shutil.copytree(small_build.folder, folder)
    contents = folder.parent / "contents"
    package = open_package(small_build.folder / "package.zip", contents)
    change(contents / RTL_FOLDER)
    write_package(folder / "package.zip", replace(package.manifest, files={}), contents, packed(contents))
    return folder


def flip_weight(rtl: Path, layer: int) -> None:
    """Flip the top bit of a weight, which changes the weight by 8."""
    weights = rtl / f"MVAU_rtl_{layer}_memblock.dat"
    lines = weights.read_text().split("\n")
    lines[1] = f"{int(lines[1][0], 16) ^ 8:x}{lines[1][1:]}"
    weights.write_text("\n".join(lines))


def test_flipped_bit_in_a_weight_memory_is_found_by_the_rtl_alone(radioml, small_build, tmp_path):
    folder = repackaged(small_build, tmp_path / "build", lambda rtl: flip_weight(rtl, 2))
    checkpoint = small_build.run / "train" / "checkpoint.pth"
    done = radioml("verify", folder, "--frames", 26, "--checkpoint", checkpoint, home=small_build.home)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"first rung that differs: {BACK_TO_BACK}" in done.stdout
    assert "layer classifier, frame" in done.stdout
    report = read_json(folder / "verify.json")
    assert wrong(report) == list(RTL_RUNGS)
    assert all(rung["first_difference"]["layer"] == "classifier" for rung in report["rungs"] if not rung["equal"])


@pytest.mark.parametrize(("number", "layer"), [(0, "features.0"), (1, "features.3")])
def test_flipped_bit_in_an_inner_weight_memory_is_found_in_its_layer(
    number, layer, small_build, frames, reference, tmp_path
):
    folder = repackaged(small_build, tmp_path / "build", lambda rtl: flip_weight(rtl, number))
    report = climb(folder, frames, reference, "synthetic")
    assert wrong(report) == list(RTL_RUNGS)
    for rung in report["rungs"][-len(RTL_RUNGS) :]:
        first = rung["first_difference"]
        assert (first["layer"], first["node"]) == (layer, f"Thresholding_rtl_{number}")
        assert first["expected"] == reference.layers[layer][(first["frame"], *first["index"])] != first["found"]
        assert first["element"].startswith("channel ")
        assert f"layer {layer} (here Thresholding_rtl_{number}), frame {first['frame']} " in describe(rung)


def test_changed_threshold_is_found_with_its_layer_frame_and_element(small_build, frames, reference, tmp_path):
    """FINN looks a level up by bisection: with the middle threshold as low as the first, levels 1 to 7 become 8."""
    touched = (reference.layers["features.3"] >= 1) & (reference.layers["features.3"] <= 7)
    channel = int(touched.sum(axis=(0, 2)).argmax())
    touched[:, np.arange(touched.shape[1]) != channel] = False

    def change(rtl: Path) -> None:
        middle, even = (rtl / f"Thresholding_rtl_1_threshs_0_{stage}.dat" for stage in (0, 3))
        lines = middle.read_text().split("\n")
        lines[channel] = even.read_text().split("\n")[8 * channel]
        middle.write_text("\n".join(lines))

    folder = repackaged(small_build, tmp_path / "build", change)
    report = climb(folder, frames, reference, "synthetic")
    assert wrong(report) == list(RTL_RUNGS)
    frame, *index = (int(i) for i in np.argwhere(touched)[0])
    for rung in report["rungs"][-len(RTL_RUNGS) :]:
        first = rung["first_difference"]
        assert (first["layer"], first["node"]) == ("features.3", "Thresholding_rtl_1")
        assert (first["frame"], first["index"]) == (frame, index)
        assert (first["expected"], first["found"]) == (reference.layers["features.3"][(frame, *index)], 8)
        assert rung["mismatching_frames"] == touched.any(axis=(1, 2)).sum()


WRAPPER = """
  reg [7:0] fault [0:0];
  initial $readmemh("fault.dat", fault);
  // Fault 1: the output register is not held while the consumer pauses.
  reg stalled = 0;
  always @(posedge ap_clk) stalled <= ap_rst_n && m_axis_tvalid && !m_axis_tready;
  assign m_axis_tdata = sound_tdata ^ (fault[0] == 1 && stalled);
  reg [7:0] idle = 0;
  always @(posedge ap_clk) idle <= !ap_rst_n || s_axis_tvalid ? 0 : idle == 255 ? 255 : idle + 1;
  // Fault 2: a word that ends a pause of 8 cycles, as the word before did, is corrupted.
  reg resumed = 0;
  always @(posedge ap_clk) if (s_axis_tvalid) resumed <= idle >= 8;
  // Fault 3: an input without a pause for longer than a frame takes corrupts every word from then on.
  reg [8:0] busy = 0;
  always @(posedge ap_clk) busy <= !ap_rst_n || !s_axis_tvalid ? 0 : busy == 300 ? 300 : busy + 1;
  // Fault 4: the word that ends a pause of 200 cycles is corrupted.
  wire corrupt = fault[0] == 2 && idle >= 8 && resumed || fault[0] == 3 && busy == 300 || fault[0] == 4 && idle >= 200;
  wire [$bits(m_axis_tdata)-1:0] sound_tdata;
  sound sound (.*, .s_axis_tdata(s_axis_tdata ^ (corrupt << 7)), .m_axis_tdata(sound_tdata));
endmodule
"""


@pytest.mark.parametrize(
    ("fault", "found"), [(0, []), (1, [STALLS]), (2, [WORD_GAPS]), (3, [BACK_TO_BACK]), (4, [FRAME_GAPS])]
)
def test_fault_that_shows_in_one_way_of_streaming_alone(fault, found, small_build, frames, reference, tmp_path):
    """The build's RTL in a wrapper whose fault is chosen by fault.dat: 0 none, 1 to 4 as in WRAPPER."""

    def change(rtl: Path) -> None:
        sound = (rtl / "accelerator.v").read_text()
        header = sound[: sound.index(");") + 2]
        (rtl / "accelerator.v").write_text(sound.replace("module accelerator (", "module sound (") + header + WRAPPER)
        (rtl / "fault.dat").write_text(f"{fault}\n")

    folder = repackaged(small_build, tmp_path / "build", change)
    assert wrong(climb(folder, frames, reference, "synthetic")) == found


def test_activations_that_come_after_the_last_logit_are_waited_for(frames, tmp_path):
    # The second convolution does not read the last 6 pixels.
    parameters = {"phases": 32, "channels": [4, 4], "kernels": [3, 3], "strides": [2, 8]}
    torch.manual_seed(0)
    network = create("polyphase", parameters).eval()
    checkpoint = tmp_path / "untrained.pth"
    save_checkpoint(checkpoint, TrainedNetwork(network, "polyphase", parameters, {"kind": "none"}, {}))
    model = export(checkpoint, tmp_path / "train")
    folder = build(model, "Pynq-Z2", "rtl", target_fps=400_000, console=Console(quiet=True)).folder
    trained = inner_levels(checkpoint, frames.iq)
    assert trained.layers["features.0"][-1, :, -6:].any()
    report = climb(folder, frames, Reference(trained.logits, trained.layers, trained.classifier), "synthetic")
    assert not wrong(report)
