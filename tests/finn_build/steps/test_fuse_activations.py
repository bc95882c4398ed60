"""A network with a square, an absolute value, a gate and a difference, from its graph to bit-exact RTL."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.quant import Int32Bias
from torch import nn

from finn_build.build import build
from finn_build.verify.ladder import climb
from finn_build.verify.rtl_rungs import BACK_TO_BACK, stream
from finn_build.verify.rung import Reference, RungResult
from radioml.contract.estimate import Estimate
from radioml.contract.package import open_package
from radioml.contract.training_data import TrainingData
from radioml.data.dataset import Frames
from radioml.data.synthetic import generate_spread
from radioml.simulation.compiled import packaged_simulator
from radioml.simulation.design import read_design
from training.models import registry
from training.models.quantisers import ActivationQuant, InputQuant, SignedActivationQuant, WeightQuant
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export
from training.trained.inner_levels import inner_levels

pytestmark = pytest.mark.rtl


def _weights() -> dict[str, object]:
    return {"weight_quant": WeightQuant, "weight_bit_width": 4, "bias": False}


def _unsigned(bits: int) -> nn.Module:
    return qnn.QuantIdentity(act_quant=ActivationQuant, bit_width=bits, return_quant_tensor=False)


def _signed(bits: int) -> nn.Module:
    return qnn.QuantIdentity(act_quant=SignedActivationQuant, bit_width=bits, return_quant_tensor=False)


def _conv(inputs: int, outputs: int, stride: int, bits: int = 8) -> nn.Module:
    conv = qnn.QuantConv1d(inputs, outputs, 3, stride=stride, padding=1, **_weights())
    return nn.Sequential(conv, nn.BatchNorm1d(outputs), _signed(bits))


class Functions(nn.Module):
    """Square of 8 bits -> absolute value of a batch norm -> sigmoid of one branch times another, minus the other ->
    hyperbolic tangent of sums -> classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.input_quantiser = qnn.QuantIdentity(act_quant=InputQuant, return_quant_tensor=False)
        self.first, self.squared = _conv(2, 3, 32), _unsigned(4)
        self.second, self.norm, self.absolute = _conv(3, 3, 2), nn.BatchNorm1d(3), _unsigned(4)
        self.gate, self.open = _conv(3, 2, 2), _unsigned(5)
        self.signal, self.product = _conv(3, 2, 2, 5), _signed(6)
        self.behind = nn.Sequential(
            qnn.QuantConv1d(2, 2, 3, padding=1, **_weights()), nn.BatchNorm1d(2), nn.Tanh(), _signed(4), nn.Flatten()
        )
        self.hidden = nn.Sequential(
            qnn.QuantLinear(16, 6, **_weights()), nn.BatchNorm1d(6),
            qnn.QuantReLU(act_quant=ActivationQuant, bit_width=4, return_quant_tensor=True),
        )  # fmt: skip
        self.classifier = qnn.QuantLinear(6, 24, **(_weights() | {"bias": True}), bias_quant=Int32Bias)

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        x = self.first(self.input_quantiser(iq))
        x = self.second(self.squared(x * x))
        x = self.absolute(torch.abs(self.norm(x)))
        gate = self.open(torch.sigmoid(self.gate(x)))
        signal = self.signal(x)
        x = self.product(gate * signal) - self.product(signal)
        return self.classifier(self.hidden(self.behind(x)))


@dataclass(frozen=True)
class Built:
    folder: Path
    frames: Frames
    reference: Reference


@pytest.fixture(scope="module")
def built(quick_simulators, tmp_path_factory) -> Built:
    run = tmp_path_factory.mktemp("functions")
    torch.manual_seed(3)
    network = Functions()
    with torch.no_grad():
        for norm in (module for module in network.modules() if isinstance(module, nn.BatchNorm1d)):
            norm.weight.mul_(torch.randn(norm.weight.shape).sign())
        for _ in range(20):
            network(torch.from_numpy(generate_spread(64, seed=1).iq.transpose(0, 2, 1)))
    checkpoint = run / "train" / "checkpoint.pth"
    checkpoint.parent.mkdir()
    frames = generate_spread(26, seed=11)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._TOPOLOGIES, "functions", registry.Topology(Functions, "this test"))
        save_checkpoint(checkpoint, TrainedNetwork(network.eval(), "functions", {}, TrainingData("none")))
        folder = build(export(checkpoint, checkpoint.parent), "Pynq-Z2", "rtl", target_fps=50_000).folder
        trained = inner_levels(checkpoint, frames.iq)
    return Built(folder, frames, Reference(trained.logits, trained.layers, trained.classifier))


def test_every_rung_gives_the_network_s_integers(built):
    layers = built.reference.layers
    assert list(layers) == ["first.0", "second.0", "gate.0", "signal.0", "behind.0", "hidden.0"]
    assert all(len(np.unique(levels)) > 3 for levels in layers.values()), "hardly anything happens inside"
    found = climb(built.folder, built.frames, built.reference, "synthetic")
    assert [(rung.name, rung.problem) for rung in found.rungs if not rung.equal] == []
    assert min(len(rung.layers_compared) for rung in found.rungs) == len(layers) + 1
    assert found.rtl


def test_the_layers_are_those_of_the_network(built):
    layers = [layer.name.rsplit("_", 1)[0] for layer in Estimate.read(built.folder / "estimate.json").layers]
    assert [layers.count(kind) for kind in ("FunctionTable_rtl", "StreamProduct_rtl", "StreamSum_rtl")] == [2, 1, 1]


def with_fault(built: Built, work: Path, file: str, change: Callable[[list[str]], None]) -> RungResult:
    """The RTL, back to back, with one of its data files changed."""
    package = open_package(built.folder / "package.zip", work / "package")
    library, data = packaged_simulator(package)
    shutil.copytree(data, work / "data")
    lines = (work / "data" / file).read_text().split("\n")
    change(lines)
    (work / "data" / file).write_text("\n".join(lines))
    result = RungResult(BACK_TO_BACK, "RTL in Verilator", len(built.frames), 7)
    integers, manifest = package.manifest.quantiser(built.frames.iq), package.manifest
    stream(library, work / "data", manifest, read_design(data).probed, integers, BACK_TO_BACK, built.reference, result)
    return result


def test_an_entry_of_a_table_that_is_one_off_is_found_in_the_layer_behind(built, tmp_path):
    """The most frequent integer of channel 0; levels count from -128."""
    level = int(np.bincount(built.reference.layers["first.0"][:, 0].ravel()).argmax())

    def change(lines: list[str]) -> None:
        entry = (level - 128) % 256
        lines[entry] = f"{int(lines[entry], 16) ^ 1:0{len(lines[entry])}x}"

    assert with_fault(built, tmp_path / "sound", "FunctionTable_rtl_0_table.dat", lambda lines: None).equal
    found = with_fault(built, tmp_path / "faulty", "FunctionTable_rtl_0_table.dat", change)
    assert found.first is not None and found.first.layer == "second.0"


def test_a_threshold_that_is_one_off_is_found(built, tmp_path):
    """The middle threshold of channel 0 of the first sums, one level later: those on level 128 have 127."""
    assert (built.reference.layers["first.0"][:, 0] == 128).any()

    def change(lines: list[str]) -> None:
        following = built.folder / "rtl" / "Thresholding_rtl_0_threshs_0_7.dat"
        lines[0] = following.read_text().split("\n")[64]

    found = with_fault(built, tmp_path / "faulty", "Thresholding_rtl_0_threshs_0_0.dat", change)
    assert found.first is not None and found.first.layer == "first.0"
    assert (found.first.expected, found.first.found) == (128, 127)
