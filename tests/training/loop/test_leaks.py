"""No test frame has any influence on a trained network: neither on weights nor on the choice of the epoch."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from rich.console import Console

from radioml.data.dataset import CELLS
from radioml.data.layout import Layout
from radioml.data.split import fixed_split
from radioml.data.synthetic import write_dataset
from training.data.batches import QuantisedFrames
from training.experiments.experiment import Experiment
from training.loop.classifier import ModulationClassifier
from training.loop.train import train
from training.trained.checkpoint import TrainedNetwork

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("undrawn")]

FRAMES_PER_CELL = 5
FEEDBACK = {"schedule": {"kind": "feedback", "floor": 0.01, "step": 0.2, "minimum_step": 0.1, "patience": 1}}
SELECTIONS = [
    ({}, {}),
    ({"minimum_snr_db": 20}, {}),
    ({"maximum_snr_db": -10}, {}),
    ({"minimum_snr_db": 0, "maximum_snr_db": 4}, {}),
    ({"minimum_snr_db": 20}, {"pruning": FEEDBACK}),  # every step is chosen by accuracy
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "five.hdf5"
    write_dataset(path, FRAMES_PER_CELL, seed=1)
    return path


def _with_noise_for(part: np.ndarray, data: Path, target: Path) -> Path:
    """A copy of the file in which the frames of a part are noise, from which nothing can be learned."""
    target.write_bytes(data.read_bytes())
    with h5py.File(target, "r+") as file:
        frames = file["X"][:]
        frames[part] = np.random.default_rng(0).standard_normal(frames[part].shape)
        file["X"][:] = frames
    return target


def _train(
    data: Path, run: Path, changes: dict[str, int] | None = None, techniques: dict[str, dict] | None = None
) -> TrainedNetwork:
    settings = {"epochs": 2, "batch_size": 64, "seed": 1, **(changes or {})}
    parameters = {"channels": [8], "kernels": [3], "strides": [8]}
    experiment = Experiment(
        name="small", topology="polyphase", parameters=parameters, training=settings, **(techniques or {})
    )
    return train(experiment, data, run, Console(quiet=True))


@pytest.mark.parametrize(("selection", "techniques"), SELECTIONS)
def test_until_the_checkpoint_is_chosen_no_test_frame_is_read(
    selection: dict[str, int], techniques: dict[str, dict], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    read: dict[str, set[int]] = {"training and selection": set(), "final test": set()}
    phase = "training and selection"
    draw, predict = QuantisedFrames.__getitem__, ModulationClassifier.on_predict_start

    def record(self, indices):
        read[phase].update(torch.as_tensor(indices).tolist())
        return draw(self, indices)

    def final_test(self):
        nonlocal phase
        phase = "final test"
        return predict(self)

    monkeypatch.setattr(QuantisedFrames, "__getitem__", record)
    monkeypatch.setattr(ModulationClassifier, "on_predict_start", final_test)
    _train(data, tmp_path, selection, techniques)
    split = fixed_split(Layout.full(FRAMES_PER_CELL))
    test, validation = set(split.test.tolist()), set(split.validation.tolist())
    assert read["final test"] == test
    assert not read["training and selection"] & test
    assert validation < read["training and selection"] <= validation | set(split.train.tolist())


def test_a_network_is_the_same_whatever_the_test_frames_are(data: Path, tmp_path: Path):
    split = fixed_split(Layout.full(FRAMES_PER_CELL))
    original = _train(data, tmp_path / "original")
    other_test = _train(_with_noise_for(split.test, data, tmp_path / "test.hdf5"), tmp_path / "other_test")
    other_train = _train(_with_noise_for(split.train, data, tmp_path / "train.hdf5"), tmp_path / "other_train")

    def equal(network: TrainedNetwork) -> bool:
        ours, theirs = original.network.state_dict(), network.network.state_dict()
        return all(torch.equal(ours[name], theirs[name]) for name in ours)

    assert equal(other_test)
    assert not equal(other_train), "the comparison must be able to see a difference"
    assert other_test.accuracy.frames == CELLS
