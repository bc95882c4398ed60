from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from rich.console import Console

from radioml.data.synthetic import write_dataset
from radioml.errors import RadioMLError
from radioml.files import sha256
from training.data.batches import QuantisedFrames, RadioMLData, as_iq
from training.experiments.experiment import Experiment
from training.loop.classifier import ModulationClassifier
from training.loop.train import train
from training.trained.checkpoint import TrainedNetwork, load_checkpoint
from training.trained.reference import input_quantiser

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("undrawn")]

NETWORK = {"topology": "polyphase", "parameters": {"channels": [8], "kernels": [3], "strides": [8]}}
TRAINING = {"epochs": 3, "batch_size": 64, "minimum_snr_db": 20, "seed": 1, "schedule": "cosine", "warm_up_epochs": 0.5}
AUGMENTATION = {"rotation": "any", "conjugation": True, "reversal": True, "time_shift": True, "noise": 0.05}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "six.hdf5"
    write_dataset(path, 6, seed=1)
    return path


def _train(data: Path, run: Path, **techniques: object) -> TrainedNetwork:
    experiment = Experiment(name="small", **NETWORK, training=techniques.pop("training", TRAINING), **techniques)
    return train(experiment, data, run, Console(quiet=True))


@pytest.fixture(scope="module")
def teacher(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("teacher")
    _train(data, run, training={**TRAINING, "epochs": 1})
    return run / "train" / "checkpoint.pth"


def _weights(trained: TrainedNetwork) -> torch.Tensor:
    return torch.cat([tensor.flatten().double() for tensor in trained.network.state_dict().values()])


def test_an_interrupted_run_with_all_techniques_continues_to_the_same_weights(
    data: Path, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    techniques = {"augmentation": AUGMENTATION, "averaging": {}, "distillation": {"teacher": str(teacher)}}
    whole = _train(data, tmp_path / "whole", **techniques)

    def stop(module) -> None:
        if module.current_epoch == 1:
            raise RuntimeError("power cut")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr("training.loop.classifier.ModulationClassifier.on_train_epoch_start", stop)
        _train(data, tmp_path / "parts", **techniques)
    assert not (tmp_path / "parts" / "train" / "checkpoint.pth").exists()
    resumed = _train(data, tmp_path / "parts", **techniques)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name]), name
    for name in techniques:
        rest = {key: value for key, value in techniques.items() if key != name}
        without = _train(data, tmp_path / name, **rest)
        assert not torch.equal(_weights(without), _weights(whole)), f"{name} changes nothing"


def test_kept_and_validated_are_the_averaged_weights(data: Path, tmp_path: Path):
    def last(run: Path) -> dict:
        return torch.load(run / "train" / "last.ckpt", weights_only=True)

    _train(data, tmp_path / "plain")
    kept = _train(data, tmp_path / "averaged", averaging={"decay": 1.0})
    plain, averaged = last(tmp_path / "plain"), last(tmp_path / "averaged")
    for name, tensor in plain["state_dict"].items():
        assert torch.equal(tensor, averaged["current_model_state"][name]), "averaging does not change the training"
    name = "network.features.0.weight"
    assert not torch.equal(averaged["state_dict"][name], averaged["current_model_state"][name])
    best = torch.load(tmp_path / "averaged" / "train" / "best.ckpt", weights_only=True)
    for name, tensor in kept.network.state_dict().items():
        assert torch.equal(tensor, best["state_dict"][f"network.{name}"])
    frames = QuantisedFrames(data, input_quantiser(kept.network), lambda what, done, total: None)
    integers, class_index, *_ = frames[RadioMLData(frames, 64, 20, seed=1).validation_indices]
    iq = as_iq(integers, input_quantiser(kept.network).scale)
    with torch.no_grad():
        accuracy = (kept.network(iq).argmax(1) == class_index).float().mean().item()
    (keeper,) = (state for name, state in best["callbacks"].items() if "'monitor': 'validation/accuracy'" in name)
    assert keeper["best_model_score"].item() == pytest.approx(accuracy, abs=1e-6)
    statistics = "network.features.1.running_var"
    assert not torch.equal(averaged["state_dict"][statistics], plain["state_dict"][statistics])


def test_validation_and_test_frames_are_not_augmented(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[torch.Tensor] = []

    def note(settings, iq, class_index, position, seed, epoch) -> torch.Tensor:
        seen.append(position)
        return iq

    monkeypatch.setattr("training.loop.classifier.augment", note)
    augmented = _train(data, tmp_path / "noted", augmentation=AUGMENTATION)
    plain = _train(data, tmp_path / "plain")
    assert torch.equal(_weights(augmented), _weights(plain))
    per_epoch = len(torch.cat(seen)) // 3
    assert len(torch.cat(seen)[:per_epoch].unique()) == per_epoch, "training frames, each once an epoch"


def test_the_teacher_is_part_of_what_a_run_is(data: Path, teacher: Path, tmp_path: Path):
    distillation = {"teacher": str(tmp_path / "teacher.pth")}
    (tmp_path / "teacher.pth").write_bytes(teacher.read_bytes())
    before = load_checkpoint(teacher).network.state_dict()
    _train(data, tmp_path / "run", distillation=distillation)
    claim = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert claim["teacher"] == {"sha256": sha256(teacher)}
    assert set(load_checkpoint(tmp_path / "run" / "train" / "checkpoint.pth").network.state_dict()) == set(before)
    (tmp_path / "teacher.pth").write_bytes((tmp_path / "run" / "train" / "checkpoint.pth").read_bytes())
    with pytest.raises(RadioMLError, match=r"holds another run: teacher\.sha256 is"):
        _train(data, tmp_path / "run", distillation=distillation)
    write_dataset(tmp_path / "other.hdf5", 6, seed=2)
    training = {**TRAINING, "epochs": 1}
    with pytest.raises(RadioMLError, match="trained on other data"):
        _train(tmp_path / "other.hdf5", tmp_path / "other", distillation=distillation, training=training)
    _train(tmp_path / "other.hdf5", tmp_path / "other", training=training)  # nothing was begun: it can be put right


def test_a_run_of_before_a_setting_existed_is_still_the_same_run(data: Path, tmp_path: Path):
    _train(data, tmp_path, training={"epochs": 1, "minimum_snr_db": 20})
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    for name in ("augmentation", "averaging", "distillation"):
        del config[name]
    del config["training"]["schedule"], config["training"]["warm_up_epochs"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    _train(data, tmp_path, training={"epochs": 1, "minimum_snr_db": 20})
    (tmp_path / "config.yaml").write_text("torn: [")
    with pytest.raises(RadioMLError, match=r"holds another run: its config\.yaml is missing or damaged"):
        _train(data, tmp_path, training={"epochs": 1, "minimum_snr_db": 20})


def test_a_loss_that_is_not_a_number_leaves_the_batch(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    poisoned = []

    def poison(self, batch, loader):
        iq, *labels = original(self, batch, loader)
        if len(poisoned) == 2:
            iq[7, 1, 504] = torch.nan
        poisoned.append((iq, *labels))
        return iq, *labels

    original = ModulationClassifier.on_after_batch_transfer
    monkeypatch.setattr(ModulationClassifier, "on_after_batch_transfer", poison)
    with pytest.raises(RadioMLError, match=r"loss became nan at step 2; not all .* finite; .*run/train/bad_batch\.npz"):
        _train(data, tmp_path / "run")
    with np.load(tmp_path / "run" / "train" / "bad_batch.npz", allow_pickle=False) as saved:
        for name, tensor in zip(("iq", "class_index", "snr_db", "position"), poisoned[2], strict=True):
            np.testing.assert_array_equal(saved[name], tensor)
        assert saved["step"] == 2 and np.isnan(saved["loss"])
        assert np.argwhere(np.isnan(saved["iq"])).tolist() == [[7, 1, 504]]
        assert (saved["snr_db"] >= 20).all() and len(saved["position"]) == 64


def test_a_rate_that_lets_the_weights_explode_leaves_the_batch(data: Path, tmp_path: Path):
    with pytest.raises(RadioMLError, match="its samples are finite: try a lower learning rate"):
        _train(data, tmp_path, training={**TRAINING, "learning_rate": 10, "weight_decay": 10, "schedule": "constant"})
    with np.load(tmp_path / "train" / "bad_batch.npz", allow_pickle=False) as saved:
        assert np.isfinite(saved["iq"]).all() and not np.isfinite(saved["loss"])
