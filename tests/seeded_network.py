"""Networks of any topology with random weights that let every layer differ between frames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from radioml.contract.training_data import TrainingData
from radioml.data.synthetic import generate_spread
from training.models import create
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export

_SCALE = "blocks.{}.layers.5.act_quant.fused_activation_quant_proxy.tensor_quant.scaling_impl.value"


def exported(
    folder: Path,
    parameters: Mapping[str, Any],
    one_scale: bool = False,
    dead: tuple[str, int] | None = None,
    topology: str = "bacalhaunet",
) -> Path:
    """model.onnx of the network with batch norms fitted to frames, and with different scales of all activations.

    parameters: of the topology. one_scale: the activations that go into the sums of bacalhaunet share a scale.
    dead: batch norm and channel whose gamma becomes 1e-39, as trainings leave it.
    """
    torch.manual_seed(5)
    network = create(topology, parameters)
    state = network.state_dict()
    for name, value in state.items():
        if name.endswith("scaling_impl.value"):
            value -= torch.rand(())  # a logarithm
        elif value.dim() == 1 and name.endswith("weight"):
            value.mul_(torch.randn(value.shape).sign() * (0.5 + torch.rand(value.shape)))  # batch norms
    if one_scale:
        for block in (1, 2):
            state[_SCALE.format(block)].copy_(state[_SCALE.format(0)])
    if dead:
        state[f"{dead[0]}.weight"][dead[1]] = 1e-39
    network.load_state_dict(state)
    iq = torch.from_numpy(generate_spread(64, seed=4).iq).permute(0, 2, 1)
    with torch.no_grad():
        for _ in range(20):
            network(iq)
    network.eval()
    trained = TrainedNetwork(network, topology, dict(parameters), TrainingData("none"))
    save_checkpoint(folder / "checkpoint.pth", trained)
    return export(folder / "checkpoint.pth", folder / "train")
