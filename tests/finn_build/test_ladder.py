"""The verification ladder: sound builds pass every rung, and a fault planted in one rung is found by that rung alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from qonnx.core.modelwrapper import ModelWrapper

from finn_build.build import FOLDED, NETWORK, STEPS, WITH_FIFOS
from finn_build.hdl import Design
from finn_build.ladder import climb, describe
from finn_build.record import load_record
from finn_build.rtl_rungs import BACK_TO_BACK, GAPS, STALLS
from finn_build.rung import Reference
from finn_build.stitch import Layer
from finn_build.verilator import compile_simulator
from radioml.errors import RadioMLError
from radioml.files import read_json
from radioml.package import LIBRARY, open_package, write_package
from radioml.synthetic import generate_spread
from training.inner_levels import inner_levels

STEP_NAMES = (
    "cut the input quantiser off",
    "convert from QONNX",
    "tidy up",
    "raise 1-D layers to 2-D",
    "streamline scales into thresholds",
    "make thresholds exact",
    "cut the host's ends off",
    "map to hardware layers",
    "partition",
    "choose RTL or HLS",
    "minimise bit widths",
)
FILES = {
    "QONNX": NETWORK,
    **{name: f"{STEPS}/{i:02}_{name.replace(' ', '_')}.onnx" for i, name in enumerate(STEP_NAMES, 1)},
    "fold": FOLDED,
    "insert converters and FIFOs": WITH_FIFOS,
}
RTL_RUNGS = (BACK_TO_BACK, GAPS, STALLS)
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
    """A copy of the build that has its graphs alone, as a build that ended before the RTL."""
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
    assert "all 17 rungs give the network's integers" in done.stdout
    report = read_json(small_build.folder / "verify.json")
    assert [rung["name"] for rung in report["rungs"]] == [*FILES, *RTL_RUNGS]
    assert (report["frames"], report["classes"], report["snrs"]) == (26, 24, 26)
    for rung in report["rungs"]:
        layers = ["classifier"] if rung["name"] in RTL_RUNGS else ["features.0", "features.3", "classifier"]
        assert rung["layers_compared"] == layers


@pytest.mark.parametrize("name", FILES)
def test_changed_weight_is_found_by_its_rung_alone(name, graphs, frames, reference):
    """The largest weight of the second convolution changes its sign, in the graph of one rung."""
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
    """Thresholds a thousandth above an integer, as single precision makes them now and then."""
    name = "streamline scales into thresholds"
    model = ModelWrapper(str(graphs / FILES[name]))
    layer = model.get_nodes_by_op_type("MultiThreshold")[0]
    thresholds = np.ceil(model.get_initializer(layer.input[1])) + np.float32(1e-3)
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
    assert "matmul" in describe(next(rung for rung in report["rungs"] if not rung["equal"]))


def test_build_without_kept_steps_is_refused(graphs, frames, reference):
    shutil.rmtree(graphs / STEPS)
    shutil.copytree(graphs.parent, graphs / STEPS, ignore=lambda *_: ["build"])
    with pytest.raises(RadioMLError, match="no such file"):
        climb(graphs, frames, reference, "synthetic")


def repackaged(small_build, folder: Path, change) -> Path:
    """A copy of the build with another package: `change` edits its unpacked files and may add some."""
    shutil.copytree(small_build.folder, folder)
    contents = folder.parent / "contents"
    package = open_package(small_build.folder / "package.zip", contents)
    change(contents)
    names = sorted(file.name for file in contents.iterdir() if file.name != "manifest.json")
    write_package(folder / "package.zip", replace(package.manifest, files={}), contents, names)
    return folder


def test_flipped_bit_in_a_weight_memory_is_found_by_the_rtl_alone(radioml, small_build, tmp_path):
    def change(contents: Path) -> None:
        weights = contents / "MVAU_rtl_2_memblock.dat"
        lines = weights.read_text().split("\n")
        lines[1] = f"{int(lines[1][0], 16) ^ 8:x}{lines[1][1:]}"
        weights.write_text("\n".join(lines))

    folder = repackaged(small_build, tmp_path / "build", change)
    checkpoint = small_build.run / "train" / "checkpoint.pth"
    done = radioml("verify", folder, "--frames", 26, "--checkpoint", checkpoint, home=small_build.home)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"first rung that differs: {BACK_TO_BACK}" in done.stdout
    assert "layer classifier, frame" in done.stdout
    assert wrong(read_json(folder / "verify.json")) == list(RTL_RUNGS)


WRAPPER = """
  reg [7:0] fault [0:0];
  initial $readmemh("fault.dat", fault);
  // Fault 1: the output register is not held while the consumer pauses.
  reg stalled = 0;
  always @(posedge ap_clk) stalled <= ap_rst_n && m_axis_tvalid && !m_axis_tready;
  assign m_axis_tdata = sound_tdata ^ (fault[0] == 1 && stalled);
  // Fault 2: an input that has been idle for 16 cycles corrupts the word that ends the pause.
  reg [7:0] idle = 0;
  always @(posedge ap_clk) idle <= !ap_rst_n || s_axis_tvalid ? 0 : idle == 16 ? 16 : idle + 1;
"""


@pytest.fixture(scope="module")
def faulty_library(small_build, tmp_path_factory):
    """A simulator of the build's RTL in a wrapper whose fault is chosen by fault.dat: 0 none, 1 and 2 as in WRAPPER."""
    work = tmp_path_factory.mktemp("faulty")
    hdl = work / "rtl"
    shutil.copytree(small_build.folder / "rtl", hdl)
    top = hdl / "accelerator.v"
    sound = top.read_text()
    header = sound[: sound.index(");") + 2]
    top.write_text(sound.replace("module accelerator (", "module sound (") + header + WRAPPER + SOUND_INSTANCE)
    package = open_package(small_build.folder / "package.zip", work / "package")
    names = load_record(small_build.folder)  # a finished build
    assert "rtl" in names.stages
    manifest = package.manifest
    count = int(sound.split("] stream_valid")[0].rsplit("[", 1)[1].split(":")[0])
    layers = tuple(Layer(f"layer{i}", "", 0, 0, 1) for i in range(count))
    design = Design(manifest.input, manifest.output, layers, ())
    compile_simulator(hdl, design, work / "objects", work / LIBRARY, work / "log")
    return work / LIBRARY


SOUND_INSTANCE = f"""
  wire [$bits(m_axis_tdata)-1:0] sound_tdata;
  sound sound (
    .ap_clk(ap_clk), .ap_rst_n(ap_rst_n), .stream_valid(stream_valid), .stream_ready(stream_ready),
    .s_axis_tdata(s_axis_tdata ^ ((fault[0] == 2 && idle == 16) << 7)),
    .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
    .m_axis_tdata(sound_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
  );
endmodule
"""


@pytest.mark.parametrize(("fault", "found"), [(0, []), (1, [STALLS]), (2, [GAPS])])
def test_fault_that_shows_under_one_kind_of_pause_alone(
    fault, found, small_build, faulty_library, frames, reference, tmp_path
):
    def change(contents: Path) -> None:
        shutil.copy(faulty_library, contents / LIBRARY)
        (contents / "fault.dat").write_text(f"{fault}\n")

    folder = repackaged(small_build, tmp_path / "build", change)
    assert wrong(climb(folder, frames, reference, "synthetic")) == found
