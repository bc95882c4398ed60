"""A network on statistics from its checkpoint to a package: built without FINN, every rung equal."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from finn_build.build import build
from finn_build.statistics_unit.recognition import is_statistics_network
from finn_build.statistics_unit.unit import NAME
from finn_build.verify.ladder import climb
from finn_build.verify.rtl_rungs import BACK_TO_BACK, FRAME_GAPS, STALLS, WORD_GAPS
from finn_build.verify.rung import Reference
from finn_build.verify.unit_rungs import QONNX, UNIT
from radioml.contract.package import open_package
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from radioml.files import write_json
from radioml.run_directory import ESTIMATE, PACKAGE
from tests.finn_build.statistics_unit.graphs import Graph
from training.models import create
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export
from training.trained.inner_levels import inner_levels

PARAMETERS = {
    "phase_statistics": ("p", "h0.8"), "whole_statistics": ("x.p", "max.p", "mean.z2x8"), "phase_units": 2,
    "whole_units": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run directory with an untrained network; all its weights are there."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("run")
    network = create("symbol_statistics", PARAMETERS).eval()
    save_checkpoint(
        folder / "untrained.pth", TrainedNetwork(network, "symbol_statistics", PARAMETERS, {"kind": "none"}, {})
    )
    export(folder / "untrained.pth", folder / "train")
    return SimpleNamespace(folder=folder, checkpoint=folder / "untrained.pth", model=folder / "train" / "model.onnx")


@pytest.mark.rtl
def test_a_network_goes_to_a_package_and_every_rung_is_equal(run):
    done = build(run.model, "ZCU104", "rtl")
    assert done.estimate.cycles_per_frame == 131
    with_manifest = open_package(done.folder / PACKAGE, run.folder / "unpacked").manifest
    assert with_manifest.cycles_per_frame == 131
    assert with_manifest.input.elements == 16 and with_manifest.folding == {NAME: {"SIMD": 8}}
    frames = generate_spread(26, 1)
    levels = inner_levels(run.checkpoint, frames.iq)
    report = climb(done.folder, frames, Reference(levels.logits, levels.layers, levels.classifier), "synthetic")
    assert report["equal"]
    assert [rung["name"] for rung in report["rungs"]] == [QONNX, UNIT, BACK_TO_BACK, WORD_GAPS, FRAME_GAPS, STALLS]
    assert len(report["rungs"][1]["layers_compared"]) > 10
    wrong = Reference(levels.logits + 1, levels.layers, levels.classifier)
    assert climb(done.folder, frames, wrong, "synthetic")["first_rung_that_differs"] == QONNX


@pytest.mark.rtl
def test_the_samples_a_cycle_follow_from_the_goal(run, tmp_path):
    estimated = [
        build(run.model, "ZCU104", "estimate", tmp_path / str(fps), target_fps=fps).estimate for fps in (1000, 800_000)
    ]
    assert [one.layers[0].folding["SIMD"] for one in estimated] == [1, 4]
    assert all(one.fits and one.frames_per_second >= fps for one, fps in zip(estimated, (1000, 800_000), strict=True))
    write_json(tmp_path / "folding.json", {NAME: {"SIMD": 3}})
    for options, problem in (
        ({"target_fps": 100_000_000}, "the unit reaches"),
        ({"folding_file": tmp_path / "folding.json"}, "one of"),
    ):
        with pytest.raises(RadioMLError, match=problem):
            build(run.model, "ZCU104", "estimate", tmp_path / "refused", **options)
        assert not (tmp_path / "refused" / ESTIMATE).exists()


@pytest.mark.rtl
def test_a_bitfile_is_refused(run):
    with pytest.raises(RadioMLError):
        build(run.model, "ZCU104", "bitfile")


def test_which_networks_are_units():
    squares, convolution, plain = Graph(), Graph(), Graph()
    for graph in (squares, convolution):
        x = graph.phases()
        graph.results(graph.node("Mul", x, x))
    x = convolution.phases()
    convolution.node("Conv", x, [[[[1.0, 2.0]]] * 2], kernel_shape=[1, 2])
    plain.results(plain.phases())
    assert [is_statistics_network(graph.model()) for graph in (squares, convolution, plain)] == [True, False, False]
