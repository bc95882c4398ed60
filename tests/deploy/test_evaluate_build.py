"""`radioml evaluate` on a build: RTL and checkpoint give the same class for every frame."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

import radioml.cli.commands.evaluation
import radioml.cli.commands.summary  # noqa: F401  (a second command: typer does without the name of an only one)
from deploy.backends.software import SoftwareAccelerator
from radioml.cli import app
from radioml.data.layout import Layout
from radioml.data.split import spread_indices
from radioml.errors import RadioMLError
from radioml.reading.text import read_json


@pytest.mark.parametrize("backend", [None, "software"])
def test_a_build_and_its_checkpoint_agree(
    small_build, data_file: Path, radioml_here, tmp_path: Path, backend: str | None
):
    options = ["--data", data_file, "--frames", "96"]
    chosen = [] if backend is None else ["--backend", backend]
    of_build = radioml_here("evaluate", small_build.folder, *options, *chosen, "--out", tmp_path / "a")
    assert of_build.returncode == 0, of_build.stderr
    checkpoint = small_build.run / "train" / "checkpoint.pth"
    of_checkpoint = radioml_here("evaluate", checkpoint, *options, "--out", tmp_path / "b")
    assert of_checkpoint.returncode == 0, of_checkpoint.stderr
    build, network = (read_json(tmp_path / name / "evaluation.json") for name in "ab")
    assert build["subject"] == f"Pynq-Z2-{backend or 'simulation'}"
    assert build["confusion"] == network["confusion"] and build["frames"] == 96
    assert build["training_data"] == network["training_data"] and build["data"] == network["data"]


def evaluate(package: Path, data: Path, out: Path) -> tuple[int, str, dict]:
    """Exit code, output and evaluation.json of the command on 300 frames, in batches of 256."""
    arguments = ["evaluate", str(package), "--data", str(data), "--part", "all", "--frames", "300"]
    done = CliRunner().invoke(
        app, [*arguments, "--backend", "software", "--out", str(out)], env={"COLUMNS": "200"}, catch_exceptions=False
    )
    return done.exit_code, done.output, read_json(out / "evaluation.json")


def test_a_frame_with_nan_does_not_make_a_finished_run_interrupted(
    small_package: Path, data_file: Path, tmp_path: Path
):
    path = tmp_path / "nan.h5"
    shutil.copyfile(data_file, path)
    with h5py.File(path, "r+") as file:
        file["X"][spread_indices(Layout.full(2), 300, "all")[5], 9, 1] = np.nan
    code, output, value = evaluate(small_package, path, tmp_path / "out")
    assert code == 0, output
    assert "1 frames with NaN or infinite samples" in output and "stopped" not in output
    assert (value["frames"], value["unusable_frames"], value["problem"]) == (299, 1, "")


@pytest.mark.parametrize(
    ("failure", "code", "problem"),
    [(RadioMLError("it hangs"), 2, "it hangs"), (KeyboardInterrupt(), 130, "interrupted")],
)
def test_only_the_user_interrupts(
    small_package: Path, data_file: Path, tmp_path: Path, monkeypatch, failure: BaseException, code: int, problem: str
):
    infer, calls = SoftwareAccelerator.infer, []

    def fails(self, integers: np.ndarray):
        calls.append(len(integers))
        if len(calls) == 3:  # after the golden frames and a batch
            raise failure
        return infer(self, integers)

    monkeypatch.setattr(SoftwareAccelerator, "infer", fails)
    found, output, value = evaluate(small_package, data_file, tmp_path / "out")
    assert found == code
    assert f"stopped early after 256 of 300 frames: {problem}" in output
    assert (value["frames"], value["problem"]) == (256, problem)
