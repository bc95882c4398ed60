"""A network with average pools, concatenations and statistics of the frame, from its graph to bit-exact RTL."""

from __future__ import annotations

from collections.abc import Iterator
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
from finn_build.verify.rung import Reference
from radioml.contract.estimate import Estimate
from radioml.contract.training_data import TrainingData
from radioml.data.synthetic import generate_spread
from training.models import registry
from training.models.quantisers import ActivationQuant, InputQuant, WeightQuant
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export
from training.trained.inner_levels import inner_levels

pytestmark = pytest.mark.rtl


def _weights() -> dict[str, object]:
    return {"weight_quant": WeightQuant, "weight_bit_width": 4, "bias": False}


def _relu() -> nn.Module:
    return qnn.QuantReLU(act_quant=ActivationQuant, bit_width=4, return_quant_tensor=False)


def _quantise(bits: int) -> nn.Module:
    return qnn.QuantIdentity(act_quant=InputQuant, bit_width=bits, return_quant_tensor=False)


class PoolsAndJoins(nn.Module):
    """Pair average -> two convolutions of one scale -> concatenation -> convolution -> average of all pixels; beside it
    the powers of I and Q -> linear. Both branches, of different scales -> concatenation -> linear -> classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.input_quantiser = qnn.QuantIdentity(act_quant=InputQuant, return_quant_tensor=False)
        self.pair = nn.Sequential(
            nn.AvgPool1d(2), qnn.QuantIdentity(act_quant=InputQuant, bit_width=5, return_quant_tensor=False)
        )
        self.left, self.right = (
            nn.Sequential(qnn.QuantConv1d(2, 3, 3, stride=8, padding=1, **_weights()), nn.BatchNorm1d(3), _relu())
            for _ in range(2)
        )
        self.behind = nn.Sequential(
            qnn.QuantConv1d(6, 4, 3, stride=4, padding=1, **_weights()), nn.BatchNorm1d(4), _relu(), nn.AvgPool1d(16),
            _quantise(6), nn.Flatten(),
        )  # fmt: skip
        self.power = nn.AvgPool1d(1024)
        self.statistics = nn.Sequential(
            nn.Flatten(), _quantise(6),
            qnn.QuantLinear(2, 3, **_weights()), nn.BatchNorm1d(3), _relu(),
        )  # fmt: skip
        self.hidden = nn.Sequential(
            qnn.QuantLinear(7, 6, **_weights()), nn.BatchNorm1d(6),
            qnn.QuantReLU(act_quant=ActivationQuant, bit_width=4, return_quant_tensor=True),
        )  # fmt: skip
        self.classifier = qnn.QuantLinear(6, 24, **(_weights() | {"bias": True}), bias_quant=Int32Bias)

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        x = self.input_quantiser(iq)
        pair = self.pair(x)
        signal = self.behind(torch.cat([self.left(pair), self.right(pair)], 1))
        power = self.power((2 * x) * (0.5 * x))
        return self.classifier(self.hidden(torch.cat([signal, self.statistics(power)], 1)))


@dataclass(frozen=True)
class Built:
    folder: Path
    checkpoint: Path


@pytest.fixture(scope="module")
def topology() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._TOPOLOGIES, "pools_and_joins", registry.Topology(PoolsAndJoins, "this test"))
        yield


@pytest.fixture(scope="module")
def built(topology, quick_simulators, tmp_path_factory) -> Built:
    run = tmp_path_factory.mktemp("pools_and_joins")
    torch.manual_seed(3)
    network = PoolsAndJoins()
    with torch.no_grad():
        network.statistics[
            -1
        ].act_quant.fused_activation_quant_proxy.tensor_quant.scaling_impl.value -= 0.4  # a logarithm
        for norm in (module for module in network.modules() if isinstance(module, nn.BatchNorm1d)):
            norm.weight.mul_(torch.randn(norm.weight.shape).sign())
        for _ in range(20):
            network(torch.from_numpy(generate_spread(64, seed=1).iq.transpose(0, 2, 1)))
    checkpoint = run / "train" / "checkpoint.pth"
    checkpoint.parent.mkdir()
    save_checkpoint(checkpoint, TrainedNetwork(network.eval(), "pools_and_joins", {}, TrainingData("none")))
    return Built(build(export(checkpoint, checkpoint.parent), "Pynq-Z2", "rtl", target_fps=50_000).folder, checkpoint)


def test_every_rung_gives_the_network_s_integers(built):
    frames = generate_spread(26, seed=11)
    trained = inner_levels(built.checkpoint, frames.iq)
    assert all(len(np.unique(levels)) > 3 for levels in trained.layers.values()), "hardly anything happens inside"
    found = climb(built.folder, frames, Reference(trained.logits, trained.layers, trained.classifier), "synthetic")
    assert [(rung.name, rung.problem) for rung in found.rungs if not rung.equal] == []
    assert min(len(rung.layers_compared) for rung in found.rungs) == len(trained.layers) + 1
    assert found.rtl


def test_the_layers_are_those_of_the_network(built):
    kinds = {layer.name.rsplit("_", 1)[0] for layer in Estimate.read(built.folder / "estimate.json").layers}
    assert {
        "DuplicateStreams_rtl", "FrameStatistics_rtl", "WindowSum_rtl", "GlobalAccPool_rtl", "StreamingConcat_rtl",
        "StreamSum_rtl",
    } <= kinds  # fmt: skip
