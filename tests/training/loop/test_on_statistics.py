"""Training on statistics: as on frames, computed once, with teacher, ablation, frozen integers and interruptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from radioml.contract.pruning import PruningReport
from radioml.data.synthetic import write_dataset
from radioml.errors import RadioMLError
from tests.training.statistics_network import NAME, StatisticsForTests
from training.experiments.experiment import Experiment
from training.loop.classifier import ModulationClassifier
from training.loop.teacher_first import with_trained_teacher
from training.loop.train import train
from training.models.registry import _TOPOLOGIES, Topology
from training.techniques.distillation import Distillation, Teacher
from training.techniques.pruning_masks import layers, weights
from training.trained.checkpoint import TrainedNetwork, load_checkpoint

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("undrawn")]

SETTINGS = {"epochs": 5, "batch_size": 64, "seed": 1, "frozen_epochs": 1, "learning_rate": 0.02}
ABLATION = {
    "kind": "ablation", "weights": 40, "search_weights": 80, "search_epochs": 1, "share": 0.2, "every_steps": 20,
    "frames": 100, "float_search": True,
}  # fmt: skip


@pytest.fixture(autouse=True)
def topology(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_TOPOLOGIES, NAME, Topology(StatisticsForTests, "tests"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "six.hdf5"
    write_dataset(path, 6, seed=1)
    return path


def _train(data: Path, run: Path, topology: str = NAME, **sections: Any) -> TrainedNetwork:
    experiment = Experiment(name="small", topology=topology, **{"training": SETTINGS, **sections})
    return train(experiment, data, run, Console(quiet=True))


def _integers(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([layer.weight_quant(layer.weight).value.sign().flatten() for layer in layers(network).values()])


def test_an_interrupted_run_with_ablation_and_a_teacher_continues_to_the_same_weights(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _train(data, tmp_path / "teacher", training={**SETTINGS, "epochs": 2})
    teacher = {"teacher": str(tmp_path / "teacher" / "train" / "checkpoint.pth")}
    sections = {"pruning": {"method": "ablation", "schedule": ABLATION}, "distillation": teacher}
    whole = _train(data, tmp_path / "whole", **sections)

    def stop(module: ModulationClassifier) -> None:
        if module.current_epoch == 3:
            raise RuntimeError("power cut")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr("training.loop.classifier.ModulationClassifier.on_train_epoch_start", stop)
        _train(data, tmp_path / "parts", **sections)
    resumed = _train(data, tmp_path / "parts", **sections)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name]), name
    assert 0 < int((_integers(whole.network) != 0).sum()) <= ABLATION["weights"]
    report = PruningReport.read(tmp_path / "whole" / "train" / "pruning.json")
    assert report.kept.weights <= ABLATION["weights"] < report.epochs[0].weights


def test_weights_stay_in_the_last_epochs_and_other_constants_learn(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen: list[dict[str, torch.Tensor]] = []
    monkeypatch.setattr(
        "training.loop.classifier.ModulationClassifier.on_train_epoch_start",
        lambda module: seen.append({n: v.clone() for n, v in module.network.state_dict().items()}),
    )
    _train(data, tmp_path / "run", training={**SETTINGS, "epochs": 4, "frozen_epochs": 2})
    billed = set(weights(StatisticsForTests()))
    constant = {name for name in seen[2] if torch.equal(seen[2][name], seen[3][name])}
    assert billed <= constant and "head.norm.bias" not in constant
    assert not billed & {name for name in seen[1] if torch.equal(seen[1][name], seen[2][name])}


def test_ablation_prunes_other_small_networks(data: Path, tmp_path: Path):
    small = {"parameters": {"channels": [3], "kernels": [1], "strides": [16]}}
    settings = {**SETTINGS, "epochs": 3, "frozen_epochs": 0, "minimum_snr_db": 0}
    ablation = {**ABLATION, "weights": 300, "search_weights": 330, "every_steps": 5, "first_epoch": 0, "frames": 24}
    trained = _train(
        data, tmp_path / "run", "polyphase", **small, training=settings,
        pruning={"method": "ablation", "schedule": ablation},
    )  # fmt: skip
    assert 0 < int((_integers(trained.network) != 0).sum()) <= 300


def test_impossible_runs_are_refused(data: Path, tmp_path: Path):
    with pytest.raises(RadioMLError, match=r"need \d+ steps"):
        _train(data, tmp_path / "a", pruning={"method": "ablation", "schedule": {**ABLATION, "every_steps": 500}})
    with pytest.raises(RadioMLError, match="trained on statistics that are computed once"):
        _train(data, tmp_path / "b", augmentation={"reversal": True})
    _train(data, tmp_path / "other", parameters={"samples": 9}, training={**SETTINGS, "epochs": 2})
    teacher = {"teacher": str(tmp_path / "other" / "train" / "checkpoint.pth")}
    with pytest.raises(RadioMLError, match="reads statistics that this teacher does not"):
        _train(data, tmp_path / "c", distillation=teacher)


def test_a_teacher_named_by_its_experiment_is_trained_first_and_once(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = {"epochs": 1, "batch_size": 64}
    (tmp_path / "wide.yaml").write_text(f"name: wide\ntopology: {NAME}\ntraining: {settings}\n")
    monkeypatch.setattr("training.experiments.experiment.CONFIGS", tmp_path)
    experiment = Experiment(name="small", topology=NAME, training=settings, distillation={"teacher": "wide"})
    run, console = tmp_path / "runs" / "small", Console(quiet=True)
    taught = with_trained_teacher(experiment, data, run, console)
    teacher = tmp_path / "runs" / "small-teacher" / "train" / "checkpoint.pth"
    assert taught.distillation is not None and taught.distillation.teacher == str(teacher)
    written = teacher.stat().st_mtime_ns
    train(with_trained_teacher(experiment, data, run, console), data, run, console)
    assert teacher.stat().st_mtime_ns == written
    checkpoint = experiment.model_copy(update={"distillation": taught.distillation})
    assert with_trained_teacher(checkpoint, data, run, console) is checkpoint


def test_a_teacher_is_asked_once_for_each_frame(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _train(data, tmp_path / "teacher", training={**SETTINGS, "epochs": 2})
    checkpoint = tmp_path / "teacher" / "train" / "checkpoint.pth"
    student = StatisticsForTests()
    rows = torch.randint(-60, 60, (3, 20), dtype=torch.int8)
    settings = Distillation(teacher=str(checkpoint))
    teacher = Teacher(settings, load_checkpoint(checkpoint).training_data, student)
    first = teacher.loss(rows, torch.zeros(3, 24), torch.tensor([1, 2, 3]), torch.tensor([7, 2, 9]))
    again = Teacher(settings, load_checkpoint(checkpoint).training_data, student)
    monkeypatch.setattr(teacher._network, "of_rows", None)  # it would fail if it were asked
    kept = teacher.loss(rows[[2, 0]], torch.zeros(2, 24), torch.tensor([3, 1]), torch.tensor([9, 7]))
    new = again.loss(rows[[2, 0]], torch.zeros(2, 24), torch.tensor([3, 1]), torch.tensor([9, 7]))
    assert kept == new != first
