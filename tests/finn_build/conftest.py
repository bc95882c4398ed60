from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from radioml.contract.training_data import TrainingData
from tests.conftest import SmallBuild, run_radioml


@pytest.fixture(scope="session")
def pooled_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network with max-pools and a bias of the classifier."""
    import torch

    from training.models import create
    from training.trained.checkpoint import TrainedNetwork, save_checkpoint
    from training.trained.export import export

    run = tmp_path_factory.mktemp("pooled")
    parameters = {"filters": 4, "dense": 8}
    torch.manual_seed(0)
    network = create("vgg10", parameters).eval()
    save_checkpoint(run / "untrained.pth", TrainedNetwork(network, "vgg10", parameters, TrainingData("none")))
    return export(run / "untrained.pth", run / "train")


@pytest.fixture
def asymmetric_model(pooled_model: Path, tmp_path: Path) -> Path:
    """The network of `pooled_model` with asymmetric weights, which the RTL multiplier does not take."""
    from onnx import save
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.custom_op.registry import getCustomOp

    model = ModelWrapper(str(pooled_model))
    for conv in model.get_nodes_by_op_type("Conv"):
        getCustomOp(model.find_producer(conv.input[1])).set_nodeattr("narrow", 0)
    save(model.model, str(tmp_path / "asymmetric.onnx"))
    return tmp_path / "asymmetric.onnx"


@pytest.fixture(scope="session")
def synthesised(small_build: SmallBuild, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder in a copy of the small network's run, synthesised."""
    pytest.importorskip("pyosys", reason="Yosys is absent: pip install -r requirements/synthesis.txt")
    run = Path(shutil.copytree(small_build.run, tmp_path_factory.mktemp("synthesised") / small_build.run.name))
    model, folder = (run / path.relative_to(small_build.run) for path in (small_build.model, small_build.folder))
    goal = ("--board", "Pynq-Z2", "--until", "synthesis", "--target-fps", 400_000)
    done = run_radioml("build", model, *goal, home=small_build.home)
    assert done.returncode == 0, done.stderr
    assert "not Vivado" in done.stdout
    return folder
