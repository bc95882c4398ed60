"""An entry whose network is the team's own code: the zip carries the file, and the scripts name it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
import yaml

from radioml.contract.training_data import TrainingData
from radioml.errors import RadioMLError
from radioml.reading.records import values
from training.challenge.submission import write_submission
from training.experiments.experiment import load_experiment
from training.models import create, own_code
from training.templates import write_templates
from training.trained.checkpoint import TrainedNetwork, save_checkpoint

PARAMETERS = {"channels": [4, 4]}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(own_code, "_LOADED", {})
    write_templates("mine", tmp_path, topology=True)
    experiment = load_experiment(str(tmp_path / "mine.yaml"), ["parameters.channels=[4, 4]"])
    torch.manual_seed(0)
    network = create(experiment.topology, PARAMETERS).eval()
    data = TrainingData("synthetic", "none", "0" * 64)
    folder = tmp_path / "runs" / "mine"
    (folder / "train").mkdir(parents=True)
    trained = TrainedNetwork(network, experiment.topology, PARAMETERS, data)
    save_checkpoint(folder / "train" / "checkpoint.pth", trained)
    (folder / "config.yaml").write_text(experiment.to_yaml() + yaml.safe_dump({"data": values(data)}))
    return folder


def test_the_file_is_in_the_zip_and_the_scripts_name_it(run: Path, tmp_path: Path):
    write_submission(run, tmp_path / "entry.zip", None)
    with zipfile.ZipFile(tmp_path / "entry.zip") as archive:
        texts = {
            name: archive.read(f"submission/{name}").decode()
            for name in ("mine.py", "experiment.yaml", "train.sh", "evaluate.sh")
        }
    assert texts["mine.py"] == (tmp_path / "mine.py").read_text()
    assert yaml.safe_load(texts["experiment.yaml"])["topology"] == "mine.py:Network"
    assert (texts["train.sh"] + texts["evaluate.sh"]).count(" --topology submission/mine.py:Network") == 3


def test_code_that_nobody_named_is_not_run(run: Path, tmp_path: Path):
    own_code._LOADED.clear()
    with pytest.raises(RadioMLError, match="name the file with --topology"):
        write_submission(run, tmp_path / "entry.zip", None)
