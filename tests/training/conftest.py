"""Small networks for tests without training: every layer depends on the frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from radioml.contract.training_data import TrainingData
from radioml.data.synthetic import generate_spread
from training.models import create
from training.trained.checkpoint import TrainedNetwork, save_checkpoint

SMALL = {"channels": [8, 8], "kernels": [3, 3], "strides": [2, 4]}


def lively(topology: str, parameters: dict, seed: int = 0) -> torch.nn.Module:
    """A network with random weights and batch norms, and with the statistics of 48 synthetic frames."""
    torch.manual_seed(seed)
    network = create(topology, parameters).train()
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm1d)]
    with torch.no_grad():
        for norm in norms:
            norm.weight.uniform_(0.25, 1.75)
            norm.bias.normal_(0, 0.5)
            norm.momentum = None  # the statistics become those of all frames seen
        network(torch.from_numpy(generate_spread(48, 1).iq).permute(0, 2, 1))
        for norm in norms:
            norm.momentum = 0.1  # torch's default
    return network.eval()


@pytest.fixture(name="lively")
def lively_fixture() -> Callable[..., torch.nn.Module]:
    return lively


@pytest.fixture
def small_checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "small.pth"
    data = TrainingData("synthetic", "none: random weights", "0" * 64)
    save_checkpoint(path, TrainedNetwork(lively("polyphase", SMALL), "polyphase", SMALL, data))
    return path


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process save figures without drawing them, which takes three quarters of a small training.

    Of tests that look at something else than figures.
    """
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path, **options: Path(path).touch())
