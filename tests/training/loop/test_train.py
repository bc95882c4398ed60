from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
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
from training.data.batches import QuantisedFrames, RadioMLData, as_iq
from training.experiments.experiment import Experiment
from training.loop.bad_batch import DivergedError, LossWatch
from training.loop.classifier import ModulationClassifier
from training.loop.train import train

pytestmark = pytest.mark.training

SETTINGS = {"epochs": 2, "batch_size": 64, "minimum_snr_db": 20, "seed": 1}
EXPERIMENT = Experiment(
    name="small",
    topology="polyphase",
    parameters={"channels": [8], "kernels": [3], "strides": [8]},
    training=SETTINGS,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "six.hdf5"
    write_dataset(path, 6, seed=1)
    return path


@pytest.fixture(scope="module")
def frames(data: Path) -> QuantisedFrames:
    return QuantisedFrames(data, InputQuantiser(8, 1 / 64), lambda what, done, total: None)


def _train(data: Path, run: Path, **changes: object):
    experiment = EXPERIMENT.model_copy(update={"training": EXPERIMENT.training.model_copy(update=changes)})
    return train(experiment, data, run, Console(quiet=True))


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
    trained = _train(data, tmp_path / "run")
    files = {path.name for path in (tmp_path / "run" / "train").iterdir()}
    assert {"checkpoint.pth", "metrics.json", "accuracy_over_snr.png", "confusion_matrix.png"} <= files
    metrics = read_json(tmp_path / "run" / "train" / "metrics.json")
    assert metrics["overall"]["frames"] == 624 and metrics["data"]["kind"] == "synthetic"
    assert trained.accuracy["overall"] == metrics["overall"]["accuracy"]
    before = (tmp_path / "run" / "train" / "checkpoint.pth").stat().st_mtime_ns
    _train(data, tmp_path / "run")
    assert (tmp_path / "run" / "train" / "checkpoint.pth").stat().st_mtime_ns == before, "a finished run is left alone"


def test_a_run_directory_belongs_to_one_experiment(data: Path, tmp_path: Path):
    _train(data, tmp_path, epochs=1)
    with pytest.raises(RadioMLError, match=r"holds another run: training\.epochs is 1 there and 3 now"):
        _train(data, tmp_path, epochs=3)


def test_two_trainings_do_not_share_a_run_directory(data: Path, tmp_path: Path):
    with alone_in(tmp_path), pytest.raises(RadioMLError, match="another process is working in this folder"):
        _train(data, tmp_path, epochs=1)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_continues_to_the_same_weights(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = _train(data, tmp_path / "whole", epochs=3)

    def stop(trainer, *_: object) -> None:
        if trainer.current_epoch == 1:
            raise RuntimeError("power cut")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr(
            "training.loop.classifier.ModulationClassifier.on_train_epoch_start", lambda self: stop(self.trainer)
        )
        _train(data, tmp_path / "parts", epochs=3)
    assert not (tmp_path / "parts" / "train" / "checkpoint.pth").exists()
    resumed = _train(data, tmp_path / "parts", epochs=3)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name]), name


def _falling(module, _batch: object, index: int) -> None:
    """A validation step with accuracy 0.5 in the first epoch, 0.4 in the second and so on."""
    if not index:
        module.log("validation/accuracy", 0.5 - 0.1 * module.current_epoch)


@pytest.mark.parametrize(
    ("move", "stopped"), [(shutil.move, "before its last epoch"), (shutil.copytree, "before its test")]
)
def test_a_moved_run_continues_to_the_same_weights(
    move: Callable, stopped: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The best epoch is before the move. Of a copied run, the original continues to other weights."""
    monkeypatch.setattr("training.loop.classifier.ModulationClassifier.validation_step", _falling)
    whole = _train(data, tmp_path / "whole", epochs=3)

    def stop(module) -> None:
        if module.trainer.predicting or (module.current_epoch == 2 and stopped == "before its last epoch"):
            raise RuntimeError("power cut")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr("training.loop.classifier.ModulationClassifier.on_train_epoch_start", stop)
        patch.setattr("training.loop.classifier.ModulationClassifier.on_predict_start", stop)
        _train(data, tmp_path / "here", epochs=3)
    move(tmp_path / "here", tmp_path / "there")
    if (tmp_path / "here").exists():
        torch.save({"state_dict": {}}, tmp_path / "here" / "train" / "best.ckpt")
    resumed = _train(data, tmp_path / "there", epochs=3)
    kept = torch.load(tmp_path / "there" / "train" / "best.ckpt", weights_only=True)
    assert kept["epoch"] == 0
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name]), name


def test_every_epoch_can_be_continued_from(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An epoch that was no new best can be continued from, too: here accuracy falls from the first epoch on."""
    monkeypatch.setattr("training.loop.classifier.ModulationClassifier.validation_step", _falling)
    _train(data, tmp_path, epochs=3)
    folder = tmp_path / "train"
    epochs = {name: torch.load(folder / f"{name}.ckpt", weights_only=True)["epoch"] for name in ("best", "last")}
    assert epochs == {"best": 0, "last": 2}


def test_ctrl_c_ends_the_command_with_a_message_and_130(data: Path, tmp_path: Path):
    script = (
        "import training.loop.classifier\n"
        "def stop(self): raise KeyboardInterrupt\n"
        "training.loop.classifier.ModulationClassifier.on_train_epoch_start = stop\n"
        "from radioml.cli import main\n"
        "main()\n"
    )
    arguments = ["train", "polyphase_small", "--data", str(data), "--run", str(tmp_path / "run")]
    arguments += ["--set", "training.epochs=1", "--set", "parameters={channels: [4], kernels: [3], strides: [8]}"]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert "interrupted; the same command continues the run" in " ".join(done.stderr.split())


def _send(number: int) -> None:
    os.kill(os.getpid(), number)


def _exit(code: int) -> None:
    raise SystemExit(code)


@pytest.mark.parametrize(
    ("hook", "end", "argument", "raised", "said"),
    [
        ("on_train_epoch_start", _send, signal.SIGINT, KeyboardInterrupt(), ""),
        ("on_predict_start", _send, signal.SIGINT, KeyboardInterrupt(), ""),
        (
            "on_train_epoch_start",
            _send,
            signal.SIGTERM,
            SystemExit(143),
            "ended by SIGTERM; the same command continues",
        ),
        ("on_train_epoch_start", _exit, 7, SystemExit(7), ""),
        ("on_predict_start", _exit, 7, SystemExit(7), ""),
    ],
    ids=["Ctrl-C", "Ctrl-C in the test", "SIGTERM", "an exit", "an exit in the test"],
)
def test_each_way_to_end_a_run_stays_what_it_is(
    hook: str, end: Callable, argument: int, raised: BaseException, said: str, data: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(ModulationClassifier, hook, lambda self: end(argument))
    console = Console(file=io.StringIO(), width=200)
    experiment = EXPERIMENT.model_copy(update={"training": EXPERIMENT.training.model_copy(update={"epochs": 1})})
    with pytest.raises(type(raised)) as error:
        train(experiment, data, tmp_path, console)
    assert error.value.args == raised.args
    assert said in console.file.getvalue() and ("ended" in console.file.getvalue()) == bool(said)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


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
        _train(data, tmp_path, epochs=1)
    assert {str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)} == {
        "something new"
    }


def test_a_loss_that_is_not_a_number_stops_the_run(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.loop.classifier.as_iq", lambda integers, step: as_iq(integers, step).fill_(torch.nan))
    with pytest.raises(RadioMLError, match="loss became nan at step 0"):
        _train(data, tmp_path)


def _batch(number: int) -> tuple[torch.Tensor, ...]:
    """A batch of two frames, whose values are all `number`."""
    return torch.full((2, 2, 1024), float(number)), *(torch.full((2,), number) for _ in range(3))


@pytest.mark.parametrize(("every", "noticed"), [(1, 3), (4, 3), (5, 4), (100, 6)])
def test_the_bad_batch_is_found_among_those_that_are_looked_at_together(every: int, noticed: int, tmp_path: Path):
    """The fourth and fifth of seven losses are infinite or NaN; noticed: step at which the error is raised."""
    watch = LossWatch(tmp_path, every)
    losses = [1.0, 1.0, 1.0, torch.inf, torch.nan, 1.0, 1.0]
    with pytest.raises(DivergedError, match="loss became inf at step 3; its samples are finite"):
        for step, loss in enumerate(losses):
            watch(_batch(step), torch.tensor(loss, requires_grad=True), step, last=step == 6)
    assert step == noticed
    with np.load(tmp_path / "bad_batch.npz", allow_pickle=False) as saved:
        assert saved["step"] == 3 and (saved["iq"] == 3).all() and saved["position"].tolist() == [3, 3]


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
        _train(data, tmp_path, epochs=1)
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
        _train(path, tmp_path / "run")
