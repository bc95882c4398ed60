"""Small trained-looking networks: random weights, batch norms with random statistics, so that every layer is alive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from training.checkpoint import TrainedNetwork, save_checkpoint
from training.models import create

SMALL = {"channels": [8, 8], "kernels": [3, 3], "strides": [2, 4]}


def lively(topology: str, parameters: dict, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    network = create(topology, parameters).train()
    with torch.no_grad():
        for _ in range(4):
            network(torch.randn(16, 2, 1024))
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.weight.uniform_(0.25, 1.75)
                module.bias.normal_(0, 0.5)
    return network.eval()


@pytest.fixture(name="lively")
def lively_fixture() -> Callable[..., torch.nn.Module]:
    return lively


@pytest.fixture
def small_checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "small.pth"
    data = {"kind": "synthetic", "identity": "none: random weights", "sha256": "0" * 64}
    save_checkpoint(path, TrainedNetwork(lively("polyphase", SMALL), "polyphase", SMALL, data, {}))
    return path
