"""Evaluation: checkpoint and QONNX agree frame by frame, on the frames of the chosen part."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

import radioml.cli.commands.evaluation  # noqa: F401  (registers the commands)
from radioml.cli import app
from radioml.data import dataset
from radioml.data.layout import Layout
from radioml.data.split import fixed_split, spread_indices
from radioml.data.synthetic import write_dataset
from radioml.errors import RadioMLError
from radioml.reading.text import read_json
from training.trained.evaluate import evaluate
from training.trained.export import export

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "four.hdf5"
    write_dataset(path, 4, seed=9)
    return path


def test_checkpoint_and_qonnx_agree_on_every_frame(small_checkpoint: Path, data: Path, tmp_path: Path):
    model = export(small_checkpoint, tmp_path / "train")
    checkpoint, qonnx = evaluate(small_checkpoint, data), evaluate(model, data)
    assert np.array_equal(checkpoint.metrics.counts, qonnx.metrics.counts)
    assert checkpoint.frames == 624 and (checkpoint.metrics.counts.sum((0, 1)) > 0).sum() > 3, "classes predicted"
    assert "exact integers" in checkpoint.arithmetic


@pytest.mark.parametrize("part", ["test", "validation", "train"])
def test_the_frames_are_those_of_the_part(part: str, small_checkpoint: Path, data: Path, monkeypatch):
    read: list[int] = []
    original = dataset.read_iq

    def record(path, indices):
        read.extend(indices.tolist())
        return original(path, indices)

    monkeypatch.setattr(dataset, "read_iq", record)
    result = evaluate(small_checkpoint, data, part)
    split = fixed_split(Layout.full(4))
    assert sorted(read) == sorted(split.part(part).tolist())
    assert part == "test" or not set(read) & set(split.test.tolist())
    assert result.report.data.part == part and f"part {part}" in result.data


def test_an_interrupted_evaluation_keeps_what_it_has(small_checkpoint: Path, data: Path):
    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    result = evaluate(small_checkpoint, data, "all", progress=stop)
    assert result.interrupted and (result.frames, result.requested) == (512, 2496)


def test_frames_with_nan_or_infinity_are_left_out_and_counted(small_checkpoint: Path, data: Path, tmp_path: Path):
    path = tmp_path / "nan.hdf5"
    shutil.copyfile(data, path)
    whole = evaluate(small_checkpoint, data, "all").metrics.counts
    nan, infinite = spread_indices(Layout.full(4), 1000, "all")[[7, 999]]  # in the first batch and in the second
    with h5py.File(path, "r+") as file:
        file["X"][nan, 3, 0], file["X"][infinite, 1023, 1] = np.nan, -np.inf
    result = evaluate(small_checkpoint, path, "all")
    assert (result.unusable, result.frames, result.requested, result.problem) == (2, 2494, 2496, "")
    assert not result.interrupted and result.report.unusable_frames == 2
    missing = whole - result.metrics.counts
    assert missing.sum() == 2 and (missing >= 0).all()
    done = CliRunner().invoke(app, ["evaluate", str(small_checkpoint), "--data", str(path), "--part", "all"])
    assert done.exit_code == 0, done.output
    assert "2 frames with NaN or infinite samples" in done.output and "interrupted" not in done.output


def test_nothing_but_nan_is_refused(small_checkpoint: Path, tmp_path: Path):
    path = tmp_path / "nan.hdf5"
    write_dataset(path, 1, seed=1)
    with h5py.File(path, "r+") as file:
        file["X"][:, 0] = np.nan
    with pytest.raises(RadioMLError, match="all 624 frames have NaN or infinite samples"):
        evaluate(small_checkpoint, path, "all")


def test_a_file_that_breaks_keeps_what_is_done_and_is_no_interruption(small_checkpoint: Path, data: Path, monkeypatch):
    original, calls = dataset.read_iq, []

    def breaks(path, indices):
        calls.append(path)
        if len(calls) == 2:
            raise RadioMLError("X cannot be read from frame 7 on")
        return original(path, indices)

    monkeypatch.setattr(dataset, "read_iq", breaks)
    command = ["evaluate", str(small_checkpoint), "--data", str(data), "--part", "all"]
    done = CliRunner().invoke(app, command, env={"COLUMNS": "150"})
    assert done.exit_code == 2
    assert "stopped early after 512 of 2,496 frames: X cannot be read from frame 7 on" in done.output


def test_the_command_writes_and_prints_part_data_and_intervals(small_checkpoint: Path, data: Path, tmp_path: Path):
    folder = tmp_path / "run" / "train"
    export(small_checkpoint, folder)
    command = ["evaluate", str(folder / "model.onnx"), "--data", str(data), "--part", "all", "--frames", "624"]
    done = CliRunner().invoke(app, [*command, "--snr", "-6"], env={"COLUMNS": "150"})
    assert done.exit_code == 0, done.output
    for text in ("synthetic data", "part all", "-20 dB", "OQPSK", "95 %", "none: random weights"):
        assert text in done.output
    out = tmp_path / "run" / "evaluation" / "qonnx-all"
    plots = {path.stem for path in out.glob("*.png")}
    assert plots == {"accuracy_over_snr", "accuracy_by_class", "confusion_matrix", "confusion_matrix_-6dB"}
    assert all((out / f"{name}.json").exists() for name in plots)
    value = read_json(out / "evaluation.json")
    assert value["data"]["kind"] == "synthetic" and value["frames"] == 624
    assert np.sum(read_json(out / "confusion_matrix_-6dB.json")["counts"]) == value["per_snr_db"]["-6"]["frames"] == 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.pth", "--snr", "1"], "--snr 1: SNR labels are the even numbers"),
        (["a.pth", "--backend", "software"], "--backend is for builds"),
        (["a.onnx", "--topology", "vgg10"], "--topology is for checkpoints"),
        ([".", "--part", "test"], "no package.zip in it"),
    ],
)
def test_options_that_make_no_sense_are_refused(arguments: list[str], message: str, data: Path):
    done = CliRunner().invoke(app, ["evaluate", *arguments, "--data", str(data)])
    assert isinstance(done.exception, RadioMLError) and message in str(done.exception)
