"""The ladder on RTL: a fault in a memory, or in one way of streaming, is found with its layer, frame and element."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from finn_build.build import build
from finn_build.verify.ladder import climb
from finn_build.verify.rtl_rungs import BACK_TO_BACK, FRAME_GAPS, STALLS, WORD_GAPS
from finn_build.verify.rung import Reference
from radioml.contract.ladder import LadderReport
from radioml.contract.package import RTL_FOLDER, open_package, write_package
from radioml.contract.training_data import TrainingData
from tests.finn_build.verify.ladder_reports import RTL_RUNGS, wrong
from tests.repository import packed
from training.models import create
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export
from training.trained.inner_levels import inner_levels

pytestmark = pytest.mark.rtl


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


def test_flipped_bit_in_a_weight_memory_is_found_by_the_rtl_alone(radioml_here, small_build, tmp_path):
    folder = repackaged(small_build, tmp_path / "build", lambda rtl: flip_weight(rtl, 2))
    checkpoint = small_build.run / "train" / "checkpoint.pth"
    done = radioml_here("verify", folder, "--frames", 26, "--checkpoint", checkpoint)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"first rung that differs: {BACK_TO_BACK}" in done.stdout
    assert "layer classifier, frame" in done.stdout
    report = LadderReport.read(folder / "verify.json")
    assert wrong(report) == list(RTL_RUNGS)
    assert all(rung.first_difference.layer == "classifier" for rung in report.rungs if not rung.equal)


@pytest.mark.parametrize(("number", "layer"), [(0, "features.0"), (1, "features.3")])
def test_flipped_bit_in_an_inner_weight_memory_is_found_in_its_layer(
    number, layer, small_build, frames, reference, tmp_path
):
    folder = repackaged(small_build, tmp_path / "build", lambda rtl: flip_weight(rtl, number))
    report = climb(folder, frames, reference, "synthetic")
    assert wrong(report) == list(RTL_RUNGS)
    for rung in report.rungs[-len(RTL_RUNGS) :]:
        first = rung.first_difference
        assert (first.layer, first.node) == (layer, f"Thresholding_rtl_{number}")
        assert first.expected == reference.layers[layer][(first.frame, *first.index)] != first.found
        assert first.element.startswith("channel ")
        assert f"layer {layer} (here Thresholding_rtl_{number}), frame {first.frame} " in rung.finding


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
    for rung in report.rungs[-len(RTL_RUNGS) :]:
        first = rung.first_difference
        assert (first.layer, first.node) == ("features.3", "Thresholding_rtl_1")
        assert (first.frame, first.index) == (frame, tuple(index))
        assert (first.expected, first.found) == (reference.layers["features.3"][(frame, *index)], 8)
        assert rung.mismatching_frames == touched.any(axis=(1, 2)).sum()


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
def test_fault_that_shows_in_one_way_of_streaming_alone(
    fault, found, small_build, frames, reference, quick_simulators, tmp_path
):
    """The build's RTL in a wrapper whose fault is chosen by fault.dat: 0 none, 1 to 4 as in WRAPPER."""

    def change(rtl: Path) -> None:
        sound = (rtl / "accelerator.v").read_text()
        header = sound[: sound.index(");") + 2]
        (rtl / "accelerator.v").write_text(sound.replace("module accelerator (", "module sound (") + header + WRAPPER)
        (rtl / "fault.dat").write_text(f"{fault}\n")

    folder = repackaged(small_build, tmp_path / "build", change)
    assert wrong(climb(folder, frames, reference, "synthetic")) == found


def test_activations_that_come_after_the_last_logit_are_waited_for(frames, quick_simulators, tmp_path):
    # The second convolution does not read the last 6 pixels.
    parameters = {"phases": 32, "channels": [4, 4], "kernels": [3, 3], "strides": [2, 8]}
    torch.manual_seed(0)
    network = create("polyphase", parameters).eval()
    checkpoint = tmp_path / "untrained.pth"
    save_checkpoint(checkpoint, TrainedNetwork(network, "polyphase", parameters, TrainingData("none")))
    model = export(checkpoint, tmp_path / "train")
    folder = build(model, "Pynq-Z2", "rtl", target_fps=400_000, console=Console(quiet=True)).folder
    trained = inner_levels(checkpoint, frames.iq)
    assert trained.layers["features.0"][-1, :, -6:].any()
    report = climb(folder, frames, Reference(trained.logits, trained.layers, trained.classifier), "synthetic")
    assert not wrong(report)
