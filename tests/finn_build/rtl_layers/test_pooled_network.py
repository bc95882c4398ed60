"""A network with max-pools and a classifier with a bias, from its graph to bit-exact RTL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.quant import Int8WeightPerTensorFloat, Int32Bias
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import get_by_name
from rich.console import Console
from torch import nn

from finn_build.boards import load_board
from finn_build.build import build
from finn_build.engine.finn_session import finn_session
from finn_build.engine.paths import WITH_FIFOS
from finn_build.engine.step_runner import StepRunner
from finn_build.model_check.check_model import examine_graph
from finn_build.verify.ladder import climb
from finn_build.verify.rtl_rungs import BACK_TO_BACK, FRAME_GAPS, STALLS, WORD_GAPS, rtl_rungs
from finn_build.verify.rung import Reference, RungResult
from finn_build.vivado.bitfile import build_bitfile
from radioml.contract.estimate import Estimate
from radioml.contract.package import RTL_FOLDER, Manifest, open_package, write_package
from radioml.contract.training_data import TrainingData
from radioml.data.synthetic import generate_spread
from radioml.run_directory import PACKAGE, RTL
from tests.finn_build.vivado import vendor_tools
from tests.finn_build.vivado.forked_finn import fork_finn
from tests.repository import packed
from training.models import registry
from training.models.quantisers import InputQuant, LinearScaleActivationQuant
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export
from training.trained.inner_levels import inner_levels

pytestmark = pytest.mark.rtl

RTL_RUNGS = [BACK_TO_BACK, WORD_GAPS, FRAME_GAPS, STALLS]
BOARD, FPS, CHANNELS = "Pynq-Z2", 300_000, 6


class TwoPools(nn.Module):
    """Convolution, pool of 2, convolution, overlapping pool of 3 by 2, classifier; 6 channels, 4 bits."""

    def __init__(self) -> None:
        super().__init__()
        weights = {"weight_quant": Int8WeightPerTensorFloat, "weight_bit_width": 4}
        layers = [qnn.QuantHardTanh(act_quant=InputQuant, min_val=-2.0, max_val=2.0, return_quant_tensor=True)]
        for inputs, stride, pool in ((2, 1, nn.MaxPool1d(2)), (CHANNELS, 4, nn.MaxPool1d(3, 2))):
            layers += [
                qnn.QuantConv1d(inputs, CHANNELS, 3, stride=stride, padding=1, bias=False, **weights),
                nn.BatchNorm1d(CHANNELS, momentum=None),
                qnn.QuantReLU(act_quant=LinearScaleActivationQuant, bit_width=4, return_quant_tensor=True),
                pool,
            ]
        classifier = qnn.QuantLinear(63 * CHANNELS, 24, bias=True, bias_quant=Int32Bias, **weights)
        self.layers = nn.Sequential(*layers, nn.Flatten(), classifier)

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        return self.layers(iq)


@pytest.fixture(scope="module", autouse=True)
def topology() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._TOPOLOGIES, "two_pools", registry.Topology(TwoPools, "this test"))
        yield


@dataclass(frozen=True)
class Built:
    """The network built to RTL, and its results for some frames."""

    folder: Path
    checkpoint: Path
    manifest: Manifest


@pytest.fixture(scope="module")
def built(topology, quick_simulators, tmp_path_factory) -> Built:
    run = tmp_path_factory.mktemp("pools")
    torch.manual_seed(3)
    network = TwoPools()
    with torch.no_grad():  # statistics of the batch norms, without which most levels are 0
        network(torch.from_numpy(generate_spread(104, seed=1).iq.transpose(0, 2, 1)))
        network.layers[-1].bias.uniform_(-1, 1)
    checkpoint = run / "train" / "checkpoint.pth"
    checkpoint.parent.mkdir()
    save_checkpoint(checkpoint, TrainedNetwork(network.eval(), "two_pools", {}, TrainingData("none")))
    folder = build(export(checkpoint, checkpoint.parent), BOARD, "rtl", target_fps=FPS).folder
    return Built(folder, checkpoint, open_package(folder / PACKAGE, run / "package").manifest)


@pytest.fixture(scope="module")
def frames():
    return generate_spread(26, seed=11)


@pytest.fixture(scope="module")
def reference(built, frames):
    trained = inner_levels(built.checkpoint, frames.iq)
    assert all(len(np.unique(levels)) > 8 for levels in trained.layers.values()), "hardly anything happens inside"
    return Reference(trained.logits, trained.layers, trained.classifier)


def test_every_rung_gives_the_network_s_integers(built, frames, reference):
    report = climb(built.folder, frames, reference, "synthetic")
    assert [rung.name for rung in report.rungs if not rung.equal] == []
    assert [rung.name for rung in report.rungs][-4:] == RTL_RUNGS


def test_simulated_cycles_are_the_estimated_ones(built):
    estimated = Estimate.read(built.folder / "estimate.json")
    names = [layer.name for layer in estimated.layers]
    assert {"Pool_rtl_0", "Pool_rtl_1", "ChannelBias_rtl_0"} <= set(names)
    folding = {layer.name: layer.folding for layer in estimated.layers}
    assert 1 < folding["Pool_rtl_1"]["PE"] < CHANNELS, "windows of a folded pool come in another order"
    assert built.manifest.cycles_per_frame == estimated.cycles_per_frame
    assert not any("slower" in caveat for caveat in estimated.caveats)


@pytest.fixture(scope="module")
def faulty(built, tmp_path_factory):
    """The build's RTL with faults of which fault.dat chooses one: 1 in the pools, 2 in the bias."""
    work = tmp_path_factory.mktemp("faulty")
    hdl = Path(shutil.copytree(built.folder / RTL, work / "hdl"))
    choice = '  reg [7:0] fault[0:0];\n  initial $readmemh("fault.dat", fault);\n'
    for name, old, new in (
        ("max_pool.sv", "above = x > Highest[i]", "above = (x > Highest[i]) ^ (fault[0] == 1)"),
        ("channel_bias.sv", "biases[i] + ", "(fault[0] == 2? OUT_WIDTH'(0) : biases[i]) + "),
    ):
        text = (hdl / name).read_text()
        assert text.count(old) == 1
        (hdl / name).write_text(text.replace(old, new).replace("\n);\n", f"\n);\n{choice}", 1))
    return hdl


@pytest.mark.parametrize(("fault", "layer"), [(0, None), (1, "layers.5"), (2, "layers.10")])
def test_planted_faults_are_found_by_the_rtl_rungs_in_the_layer_behind(
    fault, layer, built, faulty, frames, reference, tmp_path
):
    """The faults are the minimum instead of the maximum, and a missing bias."""
    folder = shutil.copytree(built.folder, tmp_path / "build")
    package = open_package(folder / PACKAGE, tmp_path / "contents")
    shutil.copytree(faulty, package.folder / RTL_FOLDER, dirs_exist_ok=True)
    (package.folder / RTL_FOLDER / "fault.dat").write_text(f"{fault}\n")
    write_package(folder / PACKAGE, replace(package.manifest, files={}), package.folder, packed(package.folder))
    for rung in rtl_rungs(folder, package.manifest.quantiser(frames.iq)):
        result = RungResult(rung.name, rung.kind, len(frames), len(reference.layers) + 1)
        rung.run(reference, result)
        assert (result.first and result.first.layer) == layer, rung.name


def test_vivado_would_get_the_same_layers(built, tmp_path):
    """FINN's own stitching takes the layers; its files for Vivado are compared with rtl/."""
    with pytest.MonkeyPatch.context() as patch:
        tools = vendor_tools.install(tmp_path / "vendor", patch)
        fork_finn(patch)
        runner = StepRunner(Console(quiet=True), tmp_path / "work", tmp_path / "log")
        build_bitfile(
            runner, built.folder / WITH_FIFOS, load_board(BOARD), built.folder / RTL, built.folder / PACKAGE,
            tmp_path / "bitfile",
        )  # fmt: skip
        assert vendor_tools.calls(tools)
    scripts = [path.read_text() for path in (tmp_path / "work").glob("vivado_stitch_proj_*/make_project.tcl")]
    given = "\n".join(scripts)
    assert "max_pool.sv" in given and "channel_bias.sv" in given
    assert (tmp_path / "bitfile" / PACKAGE).is_file()


SYNTHESISED = {
    (2, 8, 4): 69, (2, 32, 4): 261, (2, 16, 8): 230, (2, 64, 8): 902, (2, 8, 16): 222, (3, 8, 4): 71, (16, 8, 4): 55,
}  # fmt: skip
"""Words of a window, elements, bits -> LUTs that Yosys 0.70, synth_xilinx, counts for max_pool.sv."""
SYNTHESISED_BIAS = {(24, 1, 15): 22, (24, 1, 22): 28, (12, 2, 15): 34, (6, 4, 15): 62}
"""Words a frame, elements, bits of a sum -> the same for channel_bias.sv."""


def test_estimates_against_synthesis(tmp_path):
    from finn.util.basic import getHWCustomOp

    def operator(kind: str, **attributes):
        node = helper.make_node(
            kind, ["in", "constant"], ["out"], domain="finn.custom_op.fpgadataflow.rtl", **attributes
        )
        return getHWCustomOp(node)

    with finn_session(tmp_path, tmp_path / "log"):
        for (k, pe, bits), luts in SYNTHESISED.items():
            types = dict.fromkeys(("InputDataType", "OutputDataType"), f"UINT{bits}")
            pool = operator(
                "Pool_rtl", Channels=pe, PE=pe, KernelSize=[k, 1], Function="MaxPool", OutImgDims=[4, 1], **types
            )
            assert pool.lut_estimation("") == pytest.approx(luts, rel=0.15)
        for (words, pe, bits), luts in SYNTHESISED_BIAS.items():
            shapes = {"lhs_shape": [1, words * pe], "rhs_shape": [words * pe], "out_shape": [1, words * pe]}
            types = {"lhs_dtype": f"INT{bits - 1}", "rhs_dtype": "INT5", "out_dtype": f"INT{bits}"}
            bias = operator("ChannelBias_rtl", PE=pe, rhs_style="const", **shapes, **types)
            assert bias.lut_estimation("") == pytest.approx(luts, rel=0.15)


def padded(model):
    pool = model.get_nodes_by_op_type("MaxPool")[0]
    get_by_name(pool.attribute, "pads").ints[:] = [1, 0]
    return pool


def apart(model):
    pool = model.get_nodes_by_op_type("MaxPool")[0]
    get_by_name(pool.attribute, "strides").ints[:] = [3]
    return pool


def inner_bias(model):
    """A bias that no batch norm takes, because another layer reads the convolution, too."""
    conv, gemm = model.get_nodes_by_op_type("Conv")[1], model.get_nodes_by_op_type("Gemm")[0]
    conv.input.append(gemm.input[2])
    model.graph.node.append(helper.make_node("Relu", [conv.output[0]], ["beside"]))
    return conv


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(padded, "its windows are padded"), (apart, "a stride of at most the kernel's size"), (inner_bias, "has a bias")],
)
def test_what_has_no_rtl_is_refused(spoil, says, pooled_model):
    model = ModelWrapper(str(pooled_model))
    assert examine_graph(model).rtl == {}
    layer = spoil(model)
    assert says in examine_graph(model).rtl[f"{layer.op_type} {layer.name}"]


def test_an_average_is_not_taken_for_a_maximum(tmp_path):
    from finn.util.basic import getHWCustomOp

    with finn_session(tmp_path, tmp_path / "log"):
        node = helper.make_node(
            "Pool_rtl", ["in"], ["out"], domain="finn.custom_op.fpgadataflow.rtl", Channels=2, PE=1, KernelSize=[2, 1],
            Function="AvgPool", OutImgDims=[4, 1], InputDataType="UINT4", OutputDataType="UINT4",
        )  # fmt: skip
        with pytest.raises(ValueError, match="RTL exists for MaxPool of integers, not AvgPool"):
            getHWCustomOp(node).parameters(None)
