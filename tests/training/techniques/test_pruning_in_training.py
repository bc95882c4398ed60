"""Pruning during training: the chosen epoch, constant zeros, interruptions and feedback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from radioml.contract.pruning import PruningReport
from radioml.contract.training_data import StartedFrom
from radioml.data.synthetic import write_dataset
from radioml.errors import RadioMLError
from radioml.files import sha256
from radioml.reading.text import read_json
from training.experiments.experiment import Experiment
from training.loop.classifier import ModulationClassifier
from training.loop.train import train
from training.techniques.pruning import Pruning
from training.techniques.pruning_callback import Pruner
from training.techniques.pruning_masks import apply, initial_masks, keep_largest_in_all, weights
from training.trained.checkpoint import TrainedNetwork, load_checkpoint

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("undrawn")]

BASE: dict[str, Any] = {
    "name": "pruned",
    "topology": "polyphase",
    "parameters": {"channels": [8, 8], "kernels": [3, 3], "strides": [4, 4]},
}
SETTINGS = {"epochs": 4, "batch_size": 64, "minimum_snr_db": 16, "seed": 1, "schedule": "constant"}
ITERATIVE = {"kind": "iterative", "sparsity": 0.8, "steps": 2, "first_epoch": 1}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "six.hdf5"
    write_dataset(path, 6, seed=1)
    return path


def _train(data: Path, run: Path, pruning: dict, settings: dict | None = None, **others: Any) -> TrainedNetwork:
    experiment = Experiment(**{**BASE, "training": {**SETTINGS, **(settings or {})}, "pruning": pruning, **others})
    return train(experiment, data, run, Console(quiet=True))


def _sparsity(network: torch.nn.Module) -> float:
    values = torch.cat([w.flatten() for w in weights(network).values()])
    return float((values == 0).double().mean())


def _say_accuracy(monkeypatch: pytest.MonkeyPatch, of_epoch: dict[int, float]) -> None:
    """Replace the validation accuracy of each epoch."""
    original = ModulationClassifier.log

    def log(self: ModulationClassifier, name: str, value: Any, **arguments: Any) -> None:
        if name == "validation/accuracy":
            value = torch.tensor(of_epoch[self.current_epoch])
        original(self, name, value, **arguments)

    monkeypatch.setattr(ModulationClassifier, "log", log)


def test_the_best_epoch_of_the_final_sparsity_is_kept_not_a_better_one_before(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _say_accuracy(monkeypatch, {0: 0.9, 1: 0.8, 2: 0.3, 3: 0.4, 4: 0.2})
    trained = _train(data, tmp_path, {"schedule": ITERATIVE}, {"epochs": 5})
    report = PruningReport.read(tmp_path / "train" / "pruning.json")
    assert report.kept.epoch == 3
    assert [round(epoch.sparsity, 2) for epoch in report.epochs] == [0, 0.7, 0.8, 0.8, 0.8]
    assert _sparsity(trained.network) == pytest.approx(0.8, abs=1e-3)
    assert _sparsity(load_checkpoint(tmp_path / "train" / "checkpoint.pth").network) == _sparsity(trained.network)


@pytest.mark.parametrize("method", ["layer", "channels"])
def test_zeros_stay_zero_with_averaged_weights_and_weight_decay(data: Path, tmp_path: Path, method: str):
    schedule = {**ITERATIVE, "sparsity": 0.5}
    pruning, settings = {"method": method, "schedule": schedule}, {"weight_decay": 0.1, "epochs": 3}
    trained = _train(data, tmp_path, pruning, settings, averaging={"decay": 0.99})
    if method == "layer":
        for weight in weights(trained.network).values():
            assert float((weight == 0).float().mean()) == pytest.approx(0.5, abs=0.01)
    else:
        assert trained.parameters["channels"] == [4, 4]
        assert load_checkpoint(tmp_path / "train" / "checkpoint.pth").parameters["channels"] == [4, 4]
        metrics = read_json(tmp_path / "train" / "metrics.json")
        assert trained.accuracy.overall == metrics["overall"]["accuracy"]


FEEDBACK = {"kind": "feedback", "floor": 0.5, "step": 0.4, "minimum_step": 0.15, "patience": 2}
COURSE = {0: 0.4, 1: 0.6, 2: 0.7, 3: 0.1, 4: 0.55, 5: 0.2, 6: 0.3, 7: 0.52, 8: 0.1, 9: 0.2, 10: 0.99}


def test_feedback_goes_on_above_the_floor_and_backs_off_below(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _say_accuracy(monkeypatch, COURSE)
    trained = _train(data, tmp_path, {"schedule": FEEDBACK}, {"epochs": 11})
    report = PruningReport.read(tmp_path / "train" / "pruning.json")
    left = [1, 1, 0.6, 0.36, 0.36, 0.216, 0.216, 0.36 * 0.8, 0.36 * 0.8 * 0.8, 0.36 * 0.8 * 0.8]
    assert [1 - epoch.sparsity for epoch in report.epochs] == pytest.approx(left, abs=2e-3)
    assert report.kept.epoch == 7, "the last accepted, though a step before was more accurate"
    assert 1 - _sparsity(trained.network) == pytest.approx(0.36 * 0.8, abs=2e-3)


def test_backing_off_brings_the_accepted_weights_back(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _say_accuracy(monkeypatch, COURSE)
    seen: dict[int, dict[str, torch.Tensor]] = {}
    original = Pruner.on_train_epoch_start

    def look(self: Pruner, trainer: Any, module: Any) -> None:
        before = {n: w.detach().clone() for n, w in weights(module.network).items()}
        original(self, trainer, module)
        seen[trainer.current_epoch] = before | {
            f"after {n}": w.detach().clone() for n, w in weights(module.network).items()
        }

    monkeypatch.setattr(Pruner, "on_train_epoch_start", look)
    _train(data, tmp_path, {"schedule": FEEDBACK}, {"epochs": 8})
    accepted, back = seen[5], seen[7]  # the weights at the end of epoch 4 were accepted, 5 and 6 did not get there
    for name in [n for n in accepted if not n.startswith("after ")]:
        came_back = back[f"after {name}"]
        assert torch.equal(came_back[came_back != 0], accepted[name][came_back != 0])
        assert not torch.equal(back[name], accepted[name])


def test_a_floor_that_is_never_reached_leaves_the_network_unpruned(data: Path, tmp_path: Path):
    trained = _train(data, tmp_path, {"schedule": {"kind": "feedback", "floor": 0.99}}, {"epochs": 2})
    assert _sparsity(trained.network) < 0.01
    assert PruningReport.read(tmp_path / "train" / "pruning.json").kept.rank < 0


@pytest.mark.parametrize(
    ("pruning", "cut"),
    [
        ({"schedule": ITERATIVE}, 2),
        ({"method": "channels", "schedule": {**ITERATIVE, "sparsity": 0.5, "curve": "geometric"}}, 2),
        ({"schedule": FEEDBACK}, 3),
        ({"schedule": FEEDBACK}, 7),
    ],
    ids=["iterative", "channels", "feedback", "feedback backs off"],
)
def test_an_interrupted_run_continues_to_the_same_weights(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pruning: dict, cut: int
):
    _say_accuracy(monkeypatch, COURSE)
    settings = {"epochs": cut + 2}
    whole = _train(data, tmp_path / "whole", pruning, settings)

    def stop(self: ModulationClassifier) -> None:
        if self.current_epoch == cut:
            raise RuntimeError("power cut")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr(ModulationClassifier, "on_train_epoch_start", stop)
        _train(data, tmp_path / "parts", pruning, settings)
    resumed = _train(data, tmp_path / "parts", pruning, settings)
    report = PruningReport.read(tmp_path / "whole/train/pruning.json")
    assert report == PruningReport.read(tmp_path / "parts/train/pruning.json")
    assert report.kept.epoch >= cut, "what is compared must have been trained after the interruption"
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name]), name


def test_a_run_that_pruning_ended_does_not_go_on(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _say_accuracy(monkeypatch, COURSE)
    _train(data, tmp_path, {"schedule": FEEDBACK}, {"epochs": 11})
    report = PruningReport.read(tmp_path / "train" / "pruning.json")
    (tmp_path / "train" / "checkpoint.pth").unlink()  # killed between the last epoch and the test
    again = _train(data, tmp_path, {"schedule": FEEDBACK}, {"epochs": 11})
    assert PruningReport.read(tmp_path / "train" / "pruning.json") == report
    assert 1 - _sparsity(again.network) == pytest.approx(0.36 * 0.8, abs=2e-3)


def test_training_starts_from_a_checkpoint_which_the_run_names(data: Path, tmp_path: Path):
    first = _train(data, tmp_path / "first", {"schedule": ITERATIVE}, {"epochs": 3})
    start = tmp_path / "first" / "train" / "checkpoint.pth"
    settings = {"epochs": 1, "start_from": str(start), "learning_rate": 1e-12, "weight_decay": 0}
    more = {"schedule": {"kind": "iterative", "sparsity": 0.9, "steps": 1}}
    second = _train(data, tmp_path / "second", more, settings)
    masks = keep_largest_in_all(first.network, initial_masks(first.network, zeros=True), 0.1)
    apply(masks, first.network)
    for name, weight in weights(first.network).items():
        torch.testing.assert_close(weights(second.network)[name], weight, rtol=0, atol=1e-6)
    begun = StartedFrom(sha256(start), first.training_data)
    assert second.training_data == replace(first.training_data, started_from=begun)
    with pytest.raises(RadioMLError, match=r"sparsity = 0.5, but 80.0% of the weights are zero"):
        _train(data, tmp_path / "less", {"schedule": {**ITERATIVE, "sparsity": 0.5}}, settings | {"epochs": 3})
    with pytest.raises(RadioMLError, match="topology 'polyphase', not 'vgg10'"):
        _train(data, tmp_path / "other", more, settings, topology="vgg10", parameters={"filters": 4, "dense": 4})
    with pytest.raises(RadioMLError, match="weights do not fit"):
        _train(data, tmp_path / "size", more, settings, parameters={**BASE["parameters"], "channels": [8, 4]})
    with pytest.raises(RadioMLError, match="no such checkpoint"):
        _train(data, tmp_path / "absent", more, {"epochs": 1, "start_from": str(tmp_path / "absent.pth")})


def test_a_topology_that_cannot_lose_channels_is_refused(data: Path, tmp_path: Path):
    channels = {"method": "channels", "schedule": ITERATIVE}
    with pytest.raises(RadioMLError, match="a BacalhauNet cannot lose channels"):
        _train(data, tmp_path / "sums", channels, topology="bacalhaunet", parameters={})
    with pytest.raises(RadioMLError, match="takes nothing away where multiple_of = 8"):
        _train(data, tmp_path / "eight", channels | {"multiple_of": 8})
    assert Pruning(**channels, multiple_of=4).multiple_of == 4
