"""Comparison of runs: figures of the runs' files, published figures, one Pareto front for each data set."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

import radioml.cli.commands.evaluation  # noqa: F401  (registers the commands)
from radioml.cli import app
from radioml.contract.accuracy import EvaluationReport, TrainedAccuracy
from radioml.contract.training_data import TrainingData
from radioml.errors import RadioMLError
from radioml.files import write_json
from radioml.reading.text import read_json
from tests.radioml.contract.written import SHARE, WRITTEN
from training.challenge.compare import compare, published_points
from training.cost.score import score_model
from training.trained.checkpoint import TrainedNetwork, load_checkpoint, save_checkpoint
from training.trained.trained_run import open_trained_run

pytestmark = pytest.mark.training

BACALHAUNET = "bacalhaunet"


def _run(folder: Path, checkpoint: Path, overall: float | None, data: str = "test part of synthetic data: A") -> Path:
    """A run of this checkpoint's network with another accuracy."""
    trained = load_checkpoint(checkpoint)
    accuracy = TrainedAccuracy(overall, at_30_db=0.9, interval_95=(0.1, 0.9), frames=10, data=data)
    value = replace(trained, accuracy=TrainedAccuracy() if overall is None else accuracy)
    save_checkpoint(folder / "train" / "checkpoint.pth", value)
    return folder


def test_a_run_without_a_current_model_is_exported(
    small_checkpoint: Path, lively, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = _run(tmp_path / "run", small_checkpoint, 0.5)
    scored: list[Path] = []
    monkeypatch.setattr(
        "training.trained.trained_run.score_model", lambda path: scored.append(path) or score_model(path)
    )
    first = open_trained_run(run)
    assert scored == [first.model], "once: the official function takes long"
    assert read_json(run / "train" / "score.json")["bit_ops"] == first.score.bit_ops == score_model(first.model).bit_ops
    wider = {"channels": [16, 8], "kernels": [3, 3], "strides": [2, 4]}
    other = TrainedNetwork(lively("polyphase", wider), "polyphase", wider, TrainingData("synthetic"))
    save_checkpoint(run / "train" / "checkpoint.pth", other)
    assert open_trained_run(run).score.bit_ops > first.score.bit_ops
    stamp = (run / "train" / "model.onnx").stat().st_mtime_ns
    open_trained_run(run)
    assert (run / "train" / "model.onnx").stat().st_mtime_ns == stamp, "a current model is left alone"


def test_runs_on_different_data_have_different_fronts(
    small_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("radioml.cli.commands.evaluation.results", Console(width=230, highlight=False))
    runs = [
        _run(tmp_path / "good", small_checkpoint, 0.6),
        _run(tmp_path / "bad", small_checkpoint, 0.5),
        _run(tmp_path / "elsewhere", small_checkpoint, 0.3, "test part of real data: B"),
        _run(tmp_path / "unknown", small_checkpoint, None),
    ]
    best = {entry.run: entry.best for entry in compare(runs)}
    assert best == {"good": True, "bad": False, "elsewhere": True, "unknown": False}
    done = CliRunner().invoke(app, ["compare", *map(str, runs), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "tested on 2 different sets of data" in done.output and "not measured" in done.output
    plot = read_json(tmp_path / "out" / "tradeoff.json")
    assert plot["pareto_fronts"] == {
        "test part of synthetic data: A": ["good"],
        "test part of real data: B": ["elsewhere"],
    }
    table = (tmp_path / "out" / "comparison.md").read_text()
    assert "| good * | polyphase | W4 A4/8 |" in table and "test part of synthetic data: A" in table
    assert (tmp_path / "out" / "tradeoff.png").exists() and len(read_json(tmp_path / "out" / "comparison.json")) == 4


def test_runs_that_were_evaluated_on_one_file_are_compared_on_it(small_checkpoint: Path, tmp_path: Path):
    shares = {"overall": {**SHARE, "accuracy": 0.25}, "at_30_db": {**SHARE, "accuracy": 0.4}}
    runs = [_run(tmp_path / name, small_checkpoint, 0.5, f"test part of {name}") for name in ("one", "other")]
    for run in runs:
        data = {"kind": "synthetic", "identity": "common", "part": "all"}
        found = {**WRITTEN[EvaluationReport], **shares, "data": data}
        write_json(run / "evaluation" / "checkpoint-all" / "evaluation.json", found)
    entries = compare(runs)
    assert {entry.data for entry in entries} == {"synthetic data (common), part all"}
    assert [(entry.accuracy, entry.interval, entry.at_30_db) for entry in entries] == [(0.25, (0.4, 0.6), 0.4)] * 2


def test_what_was_published_stands_beside_a_run_of_the_same_network(lively, tmp_path: Path):
    save_checkpoint(
        tmp_path / "mine" / "train" / "checkpoint.pth",
        TrainedNetwork(lively(BACALHAUNET, {}), BACALHAUNET, {}, TrainingData("synthetic")),
    )
    (entry,) = compare([tmp_path / "mine"])
    assert (entry.published.score, entry.published.accuracy) == (0.016211, 0.56241)
    assert {"vgg10": 1.0, BACALHAUNET: 0.016211}.items() <= {p.label: p.score for p in published_points()}.items()


def test_runs_that_cannot_be_compared_are_named(small_checkpoint: Path, tmp_path: Path):
    (tmp_path / "half" / "train").mkdir(parents=True)
    (tmp_path / "half" / "train" / "last.ckpt").touch()
    with pytest.raises(RadioMLError, match=r"half: no train/checkpoint.pth there; its training has not ended"):
        compare([tmp_path / "half"])
    with pytest.raises(RadioMLError, match="named twice"):
        compare([tmp_path / "half", tmp_path / "half"])
    run = _run(tmp_path / "a" / "run", small_checkpoint, 0.5)
    shutil.copytree(run, tmp_path / "b" / "run")
    assert len({entry.run for entry in compare([run, tmp_path / "b" / "run"])}) == 2
