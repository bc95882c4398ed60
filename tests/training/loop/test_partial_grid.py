"""Some classes at some SNRs: training, evaluation and classification work, and every figure says what it is over."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import radioml.cli.commands.evaluation
import radioml.cli.commands.summary
import radioml.cli.commands.training  # noqa: F401  (each registers)
from radioml.cli import app
from radioml.data.subset import write_subset
from radioml.data.synthetic import write_dataset
from radioml.report.metrics import measure

pytestmark = pytest.mark.training

PARAMETERS = {"phases": 32, "channels": [4, 4], "kernels": [3, 3], "strides": [2, 2]}
EXPERIMENT = f"name: part\ntopology: polyphase\nparameters: {PARAMETERS}\ntraining: {{epochs: 1, batch_size: 16}}\n"
SCOPE = "BPSK, QPSK, 8PSK at SNRs 0, 10 dB"


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "220"})
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("part")
    write_dataset(folder / "whole.hdf5", 12, seed=4, processes=2)
    write_subset(folder / "whole.hdf5", folder / "part.hdf5", classes=[3, 4, 5], snrs_db=[0, 10])
    return folder / "part.hdf5"


def test_a_run_on_a_part_says_so_everywhere(part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("part.yaml").write_text(EXPERIMENT)
    output = run("train", "part.yaml", "--data", part, "--run", "run")
    assert f"over {SCOPE}, on 12 frames: test part of synthetic data: generator" in output
    metrics = json.loads(Path("run/train/metrics.json").read_text(), parse_constant=pytest.fail)
    assert metrics["over"] == SCOPE and metrics["overall"]["frames"] == 12
    (epoch,) = json.loads(Path("run/train/history.json").read_text())
    assert epoch["epoch"] == 1 and set(epoch) == {"epoch", "training_loss", "validation_loss", "validation_accuracy"}
    assert Path("run/train/training_curve.png").stat().st_size > 10_000
    assert metrics["at_30_db"] == {"accuracy": None, "low": 0.0, "high": 1.0, "correct": 0, "frames": 0}
    assert f"over {SCOPE}" in run("train", "part.yaml", "--data", part, "--run", "run"), "and the second time"
    output = run("evaluate", "run/train/checkpoint.pth", "--data", part)
    assert f"accuracy over {SCOPE}" in output and "+30 dB" not in output and "perhaps not an accuracy" not in output
    written = Path("run/evaluation/checkpoint-test/evaluation.json").read_text()
    written = json.loads(written, parse_constant=pytest.fail)
    assert written["over"] == SCOPE and written["frames"] == 12
    whole = part.parent / "whole.hdf5"
    output = run("evaluate", "run/train/checkpoint.pth", "--data", whole, "--part", "all", "--frames", 24)
    assert "shares frames with this" in output


def test_metrics_say_what_they_are_over():
    every = measure(np.arange(24), np.full(24, 30), np.arange(24))
    assert every.scope == "all classes at SNR 30 dB" and every.at_30_db.frames == 24
