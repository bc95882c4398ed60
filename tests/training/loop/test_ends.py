"""Trainings that end early, by a signal or a power cut, and continue to the same weights."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console

from radioml.errors import RadioMLError
from tests.training.loop.small_training import EXPERIMENT, train_small
from training.loop.classifier import ModulationClassifier
from training.loop.train import train

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("undrawn")]


def test_an_interrupted_run_continues_to_the_same_weights(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = train_small(data, tmp_path / "whole", epochs=3)

    def stop(trainer, *_: object) -> None:
        if trainer.current_epoch == 1:
            raise RuntimeError("power cut")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr(
            "training.loop.classifier.ModulationClassifier.on_train_epoch_start", lambda self: stop(self.trainer)
        )
        train_small(data, tmp_path / "parts", epochs=3)
    assert not (tmp_path / "parts" / "train" / "checkpoint.pth").exists()
    resumed = train_small(data, tmp_path / "parts", epochs=3)
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
    whole = train_small(data, tmp_path / "whole", epochs=3)

    def stop(module) -> None:
        if module.trainer.predicting or (module.current_epoch == 2 and stopped == "before its last epoch"):
            raise RuntimeError("power cut")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr("training.loop.classifier.ModulationClassifier.on_train_epoch_start", stop)
        patch.setattr("training.loop.classifier.ModulationClassifier.on_predict_start", stop)
        train_small(data, tmp_path / "here", epochs=3)
    move(tmp_path / "here", tmp_path / "there")
    if (tmp_path / "here").exists():
        torch.save({"state_dict": {}}, tmp_path / "here" / "train" / "best.ckpt")
    resumed = train_small(data, tmp_path / "there", epochs=3)
    kept = torch.load(tmp_path / "there" / "train" / "best.ckpt", weights_only=True)
    assert kept["epoch"] == 0
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name]), name


def test_every_epoch_can_be_continued_from(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An epoch that was no new best can be continued from, too: here accuracy falls from the first epoch on."""
    monkeypatch.setattr("training.loop.classifier.ModulationClassifier.validation_step", _falling)
    train_small(data, tmp_path, epochs=3)
    folder = tmp_path / "train"
    epochs = {name: torch.load(folder / f"{name}.ckpt", weights_only=True)["epoch"] for name in ("best", "last")}
    assert epochs == {"best": 0, "last": 2}


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
def test_a_damaged_checkpoint_of_an_interrupted_run_is_named(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def stop(_module) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr("training.loop.classifier.ModulationClassifier.on_predict_start", stop)
        train_small(data, tmp_path, epochs=1)
    damaged = tmp_path / "train" / name
    damaged.write_bytes(damaged.read_bytes()[:1000])
    with pytest.raises(RadioMLError, match=rf"{name}: not a checkpoint .* remove .*train to begin anew"):
        train_small(data, tmp_path, epochs=1)


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
