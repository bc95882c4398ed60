"""A network on statistics from its checkpoint to a package: built without FINN, every rung equal."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from finn_build.boards import load_board
from finn_build.build import build
from finn_build.engine.paths import WITH_FIFOS
from finn_build.engine.step_runner import StepRunner
from finn_build.statistics_unit.modules import MODULE
from finn_build.statistics_unit.recognition import is_statistics_network
from finn_build.statistics_unit.unit import NAME
from finn_build.verify.ladder import climb
from finn_build.verify.rtl_rungs import BACK_TO_BACK, FRAME_GAPS, STALLS, WORD_GAPS
from finn_build.verify.rung import Reference
from finn_build.verify.unit_rungs import QONNX, UNIT
from finn_build.vivado.bitfile import build_bitfile
from radioml.contract.package import BITFILE, HANDOFF, open_package
from radioml.contract.training_data import TrainingData
from radioml.data.synthetic import generate_spread
from radioml.errors import MismatchError, RadioMLError
from radioml.files import write_json
from radioml.run_directory import BITFILE_FOLDER, ESTIMATE, PACKAGE, RTL
from tests.finn_build.statistics_unit.graphs import Graph
from tests.finn_build.vivado import vendor_tools
from tests.finn_build.vivado.forked_finn import fork_finn
from training.models import create
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export
from training.trained.inner_levels import inner_levels

PARAMETERS = {
    "phase_statistics": ("p", "h0.8"), "whole_statistics": ("x.p", "max.p", "mean.z2x8"), "phase_units": 2,
    "whole_units": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(quick_simulators, tmp_path_factory):
    """A run directory with an untrained network; all its weights are there."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("run")
    network = create("symbol_statistics", PARAMETERS).eval()
    save_checkpoint(
        folder / "untrained.pth", TrainedNetwork(network, "symbol_statistics", PARAMETERS, TrainingData("none"))
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
    assert report.equal
    assert [rung.name for rung in report.rungs] == [QONNX, UNIT, BACK_TO_BACK, WORD_GAPS, FRAME_GAPS, STALLS]
    assert len(report.rungs[1].layers_compared) > 10
    wrong = Reference(levels.logits + 1, levels.layers, levels.classifier)
    assert climb(done.folder, frames, wrong, "synthetic").first_rung_that_differs == QONNX


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
def test_a_bitfile_by_stand_ins_of_the_vendors_tools(run, tmp_path, monkeypatch):
    """Vivado gets the sources that were simulated, and our DMA engines; other ones are no bitfile."""
    tools, board = vendor_tools.install(tmp_path / "vendor", monkeypatch), load_board("ZCU104")
    fork_finn(monkeypatch)
    vendor_tools.behave(tools, timing={"mhz": board.clock_mhz})
    done = build(run.model, board.name, "bitfile")
    package = open_package(done.folder / BITFILE_FOLDER / PACKAGE, tmp_path / "package")
    assert package.manifest.kind == "bitfile" and {BITFILE, HANDOFF} < set(package.manifest.files)
    assert {call["tool"] for call in vendor_tools.calls(tools)} == {"vivado"}
    with pytest.raises(RadioMLError, match="an Alveo's bitfile is made of FINN's layers"):
        build(run.model, "U250", "bitfile")

    other = vendor_tools.copied(done.folder, tmp_path / "build") / RTL
    source = other / f"{MODULE}.sv"
    source.write_text(source.read_text().replace(" + ", " - ", 1))
    runner = StepRunner(Console(quiet=True), tmp_path / "work", tmp_path / "log")
    with pytest.raises(MismatchError, match=rf"{MODULE}\.sv: differs"):
        build_bitfile(runner, done.folder / WITH_FIFOS, board, other, done.folder / PACKAGE, tmp_path / "bitfile")


def test_which_networks_are_units():
    squares, convolution, plain = Graph(), Graph(), Graph()
    for graph in (squares, convolution):
        x = graph.phases()
        graph.results(graph.node("Mul", x, x))
    x = convolution.phases()
    convolution.node("Conv", x, [[[[1.0, 2.0]]] * 2], kernel_shape=[1, 2])
    plain.results(plain.phases())
    assert [is_statistics_network(graph.model()) for graph in (squares, convolution, plain)] == [True, False, False]
