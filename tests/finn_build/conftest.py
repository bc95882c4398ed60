from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = {"phases": 32, "channels": [4, 4], "kernels": [3, 3], "strides": [2, 2]}


def radioml(*arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would: another working directory, an empty home."""
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
    environment["MPLCONFIGDIR"] = str(home.parent / "matplotlib")
    command = [sys.executable, "-m", "radioml", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=home, env=environment, check=False)


def export_network(run: Path, topology: str, parameters: dict) -> Path:
    """Export an untrained network whose batch norms are random, so that channels differ; returns its model.onnx."""
    import torch

    from training.checkpoint import TrainedNetwork, save_checkpoint
    from training.export import export
    from training.models import create

    torch.manual_seed(0)
    network = create(topology, parameters)
    network.train()
    with torch.no_grad():
        for _ in range(4):
            network(torch.randn(16, 2, 1024))
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.weight.copy_(torch.rand_like(module.weight) + 0.5)
                module.bias.copy_(torch.rand_like(module.bias))  # positive: most activations are alive
    network.eval()
    checkpoint = run / "untrained.pth"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(checkpoint, TrainedNetwork(network, topology, parameters, {"kind": "none"}, {}))
    return export(checkpoint, run / "train")


@dataclass(frozen=True)
class SmallBuild:
    """A finished `--until rtl` build of a small network."""

    run: Path
    model: Path
    folder: Path
    home: Path
    output: str


@pytest.fixture(scope="session", name="radioml")
def radioml_fixture() -> Callable[..., subprocess.CompletedProcess[str]]:
    return radioml


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_network(tmp_path_factory.mktemp("runs") / "small", "polyphase", SMALL)


@pytest.fixture(scope="session")
def small_build(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    home = tmp_path_factory.mktemp("user") / "home"
    home.mkdir()
    done = radioml("build", small_model, "--board", "Pynq-Z2", "--until", "rtl", "--target-fps", 400_000, home=home)
    assert done.returncode == 0, done.stderr
    run = small_model.parent.parent
    return SmallBuild(run, small_model, run / "build" / "Pynq-Z2", home, done.stdout + done.stderr)


@pytest.fixture(scope="session")
def pooled_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_network(tmp_path_factory.mktemp("runs") / "pooled", "vgg10", {"filters": 4, "dense": 8})
