from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def pooled_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network with layers that have no RTL."""
    from training.checkpoint import TrainedNetwork, save_checkpoint
    from training.export import export
    from training.models import create

    run = tmp_path_factory.mktemp("pooled")
    parameters = {"filters": 4, "dense": 8}
    network = create("vgg10", parameters).eval()
    save_checkpoint(run / "untrained.pth", TrainedNetwork(network, "vgg10", parameters, {"kind": "none"}, {}))
    return export(run / "untrained.pth", run / "train")
