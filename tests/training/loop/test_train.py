"""A training from data file to checkpoint: what is trained on, what it leaves and what it refuses."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from radioml.contract.quantiser import InputQuantiser
from radioml.data.dataset import read_frames
from radioml.data.split import fixed_split
from radioml.data.synthetic import write_dataset
from radioml.errors import RadioMLError
from radioml.files import alone_in
from radioml.reading.text import read_json
from tests.training.loop.small_training import EXPERIMENT, train_small
from training.data.batches import QuantisedFrames, RadioMLData, as_iq
from training.loop.classifier import ModulationClassifier
from training.loop.train import train

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def frames(data: Path) -> QuantisedFrames:
    return QuantisedFrames(data, InputQuantiser(8, 1 / 64), lambda what, done, total: None)


@pytest.mark.parametrize("minimum_snr_db", [-20, 0, 20])
def test_no_test_frame_reaches_training_or_selection(frames: QuantisedFrames, minimum_snr_db: int):
    batches = RadioMLData(frames, 64, minimum_snr_db, seed=1)
    test = set(fixed_split(frames.layout).test.tolist())
    train_set, validation = set(batches.train_indices.tolist()), set(batches.validation_indices.tolist())
    assert train_set and validation
    assert not train_set & test and not validation & test and not train_set & validation
    assert set(batches.test_indices.tolist()) == test
    assert frames.snr_db[batches.train_indices].min() == minimum_snr_db
    narrow = RadioMLData(frames, 64, minimum_snr_db, seed=1, maximum_snr_db=minimum_snr_db + 4)
    wanted = np.isin(frames.snr_db[batches.train_indices], range(minimum_snr_db, minimum_snr_db + 5))
    assert 0 < len(narrow.train_indices) < len(batches.train_indices), "some SNRs over the maximum were left out"
    np.testing.assert_array_equal(narrow.train_indices, batches.train_indices[wanted])
    np.testing.assert_array_equal(narrow.validation_indices, batches.validation_indices)
    np.testing.assert_array_equal(narrow.test_indices, batches.test_indices)


def test_batches_are_the_files_frames_on_the_input_grid(frames: QuantisedFrames, data: Path):
    integers, class_index, snr_db, position = frames[[0, 3000, 3743]]
    stored = read_frames(data, np.array([0, 3000, 3743]))
    wanted = np.clip(np.rint(stored.iq * 64), -128, 127)
    np.testing.assert_array_equal(integers, wanted)
    iq = as_iq(integers, 1 / 64)
    assert iq.dtype == torch.float32 and iq.is_contiguous()
    np.testing.assert_array_equal(iq, wanted.transpose(0, 2, 1) / 64)
    np.testing.assert_array_equal(class_index, stored.class_index)
    np.testing.assert_array_equal(snr_db, stored.snr_db)
    assert position.tolist() == [0, 3000, 3743]


def test_training_keeps_a_checkpoint_metrics_and_plots(data: Path, tmp_path: Path):
    trained = train_small(data, tmp_path / "run")
    files = {path.name for path in (tmp_path / "run" / "train").iterdir()}
    assert {"checkpoint.pth", "metrics.json", "accuracy_over_snr.png", "confusion_matrix.png"} <= files
    metrics = read_json(tmp_path / "run" / "train" / "metrics.json")
    assert metrics["overall"]["frames"] == 624 and metrics["data"]["kind"] == "synthetic"
    assert trained.accuracy.overall == metrics["overall"]["accuracy"]
    before = (tmp_path / "run" / "train" / "checkpoint.pth").stat().st_mtime_ns
    train_small(data, tmp_path / "run")
    assert (tmp_path / "run" / "train" / "checkpoint.pth").stat().st_mtime_ns == before, "a finished run is left alone"


def test_a_run_directory_belongs_to_one_experiment(data: Path, tmp_path: Path):
    train_small(data, tmp_path, epochs=1)
    with pytest.raises(RadioMLError, match=r"holds another run: training\.epochs is 1 there and 3 now"):
        train_small(data, tmp_path, epochs=3)


def test_two_trainings_do_not_share_a_run_directory(data: Path, tmp_path: Path):
    with alone_in(tmp_path), pytest.raises(RadioMLError, match="another process is working in this folder"):
        train_small(data, tmp_path, epochs=1)
    assert list(tmp_path.iterdir()) == []


def test_warnings_of_a_training_are_shown_except_the_expected_ones(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    step = ModulationClassifier.training_step

    def warn(module, *arguments: object) -> torch.Tensor:
        warnings.warn("something new", stacklevel=1)
        return step(module, *arguments)

    monkeypatch.setattr(ModulationClassifier, "training_step", warn)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", UserWarning)
        train_small(data, tmp_path, epochs=1)
    assert {str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)} == {
        "something new"
    }


def test_a_loss_that_is_not_a_number_stops_the_run(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.loop.classifier.as_iq", lambda integers, step: as_iq(integers, step).fill_(torch.nan))
    with pytest.raises(RadioMLError, match="loss became nan at step 0"):
        train_small(data, tmp_path)


def test_the_epochs_loss_is_the_mean_of_its_batches(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    losses: list[float] = []
    step = ModulationClassifier.training_step

    def record(module, *arguments: object) -> torch.Tensor:
        losses.append(float(loss := step(module, *arguments)))
        return loss

    monkeypatch.setattr(ModulationClassifier, "training_step", record)
    console = Console(file=io.StringIO(), width=200)
    train(EXPERIMENT, data, tmp_path, console)
    printed = re.findall(r"epoch \d of 2: loss (\d+\.\d+)", console.file.getvalue())
    epochs = np.array(losses).reshape(2, -1)
    assert np.abs(epochs.mean(1) - epochs[:, -1]).max() > 0.01, "else the last batch's could be meant"
    np.testing.assert_allclose([float(text) for text in printed], epochs.mean(1), rtol=0, atol=6e-4)


@pytest.mark.parametrize(("chosen", "threads"), [(None, 1), ("2", 2)])
def test_a_training_takes_no_more_threads_than_cores_it_may_use(
    chosen: str | None, threads: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("training.loop.train.cores", lambda: 1)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if chosen:
        monkeypatch.setenv("OMP_NUM_THREADS", chosen)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train_small(data, tmp_path, epochs=1)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_nan_in_the_data_is_refused_before_training(tmp_path: Path):
    import h5py

    path = tmp_path / "nan.hdf5"
    write_dataset(path, 3, seed=1)
    with h5py.File(path, "r+") as file:
        file["X"][5, 6, 1] = np.nan
    with pytest.raises(RadioMLError, match="NaN"):
        train_small(path, tmp_path / "run")
