"""The scripts in examples/ run, and print what the rest of the project says of the same network and frames."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from finn_build.boards import board_names
from radioml.data.synthetic import write_dataset
from radioml.shipped import NETWORK
from tests.conftest import SmallBuild
from tests.repository import REPOSITORY
from training.cost.score import score_model
from training.trained.evaluate import evaluate

EXAMPLES = REPOSITORY / "examples"


def printed(script: str, *arguments: object, folder: Path) -> list[str]:
    """The lines that an example prints, run in `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, str(EXAMPLES / script), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_example_is_short_and_says_how_it_is_run():
    for script in EXAMPLES.glob("*.py"):
        text = script.read_text(encoding="utf-8")
        assert f"python examples/{script.name}" in text and len(text.splitlines()) <= 35, script.name
        assert f'printed("{script.name}"' in Path(__file__).read_text(encoding="utf-8"), "is run below"


def test_score_a_model(tmp_path: Path):
    lines = printed("score_model.py", folder=tmp_path)
    score = score_model(NETWORK)
    assert len(lines) == len(score.layers) + 1
    assert lines[-1].startswith(f"score {score.score:.6f};")


@pytest.mark.training
def test_accuracy_by_class(tmp_path: Path):
    files = [tmp_path / "nominal.h5", tmp_path / "widened.h5"]
    for file in files:
        write_dataset(file, frames_per_cell=1, seed=3, conditions=file.stem)
    lines = printed("accuracy_by_class.py", *files, NETWORK, f"{NETWORK}@48", folder=tmp_path)
    accuracy = [evaluate(NETWORK, file, "all").metrics.overall.accuracy for file in files]
    shares = re.findall(r"([\d.]+) \(", lines[-1])
    assert len(lines) == 2 + 24 + 1 and shares[:2] == [f"{100 * each:.1f}" for each in accuracy] and len(shares) == 4


@pytest.mark.training
def test_train_and_export(tmp_path: Path):
    lines = printed("train_and_export.py", tmp_path, 3, 1, folder=tmp_path)
    model = tmp_path / "run" / "train" / "model.onnx"
    assert re.fullmatch(rf"{model}: [\d.]+% of 624 synthetic test frames", lines[-1]) and model.exists()


@pytest.mark.rtl
def test_estimate_on_all_boards(small_model: Path, tmp_path: Path):
    lines = printed("estimate_boards.py", tmp_path / "kept", small_model, folder=tmp_path)
    assert [line.split()[0] for line in lines] == board_names()
    assert all(re.fullmatch(r"\S+ +[\d,]+ frames/s", line) for line in lines)


def test_simulate(small_build: SmallBuild, tmp_path: Path):
    lines = printed("simulate.py", small_build.folder, 4, folder=tmp_path)
    assert re.fullmatch(r"4 of 4 frames integer-equal, \d+ cycles a frame", lines[-1])


def test_stream_a_recording(tmp_path: Path):
    lines = printed("stream_recording.py", folder=tmp_path)
    assert lines == [*(f"{frame} QPSK" for frame in range(16)), "16 frames: 16 QPSK"]
