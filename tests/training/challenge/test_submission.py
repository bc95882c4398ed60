"""The submission: a broken rule fails, the zip is reproducible, and the zip works on its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import helper, numpy_helper
from typer.testing import CliRunner

import radioml.cli.commands.submission
import radioml.cli.commands.summary  # noqa: F401  (a second command: typer does without the name of an only one)
from radioml.cli import app
from radioml.contract.accuracy import TrainedAccuracy
from radioml.contract.metadata import load_exported
from radioml.contract.training_data import StartedFrom, TrainingData
from radioml.data.layout import Layout
from radioml.data.split import fixed_split
from radioml.data.synthetic import write_dataset
from radioml.errors import RadioMLError
from radioml.reading.text import read_json
from training.challenge.rules import FAIL, PASS, TEST_DIGEST, UNCHECKED, Verdict, _split, check_rules
from training.challenge.submission import _REQUIRED, SOURCE, _format, _source, write_submission
from training.trained.evaluate import evaluate
from training.trained.trained_run import TrainedRun, open_trained_run

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def run(small_model: Path) -> Path:
    return small_model.parent.parent


@pytest.fixture(scope="module")
def archive(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zip") / "entry.zip"
    verdicts = write_submission(run, path, "https://example.org/entry")
    assert not [v for v in verdicts if v.status == FAIL]
    return path


@pytest.fixture
def opened(run: Path) -> TrainedRun:
    return open_trained_run(run)


def _status(verdicts: list[Verdict], words: str) -> str:
    (status,) = [verdict.status for verdict in verdicts if words in verdict.rule]
    return status


def test_the_digest_is_of_the_official_split():
    assert fixed_split(Layout.full(4096)).digest()["test"] == TEST_DIGEST


def test_a_synthetic_run_meets_what_can_be_checked(opened: TrainedRun, monkeypatch: pytest.MonkeyPatch):
    loaded: list[Path] = []
    monkeypatch.setattr(
        "training.challenge.rules.load_exported", lambda path: loaded.append(path) or load_exported(path)
    )
    verdicts = check_rules(opened)
    assert loaded == [opened.model], "once"
    assert {v.rule for v in verdicts if v.status == FAIL} == set()
    for rule in ("Brevitas", "IQ samples", "(1, 2, 1024)", "official function", "zero point 0", "custom", "Mul, Div"):
        assert PASS in {v.status for v in verdicts if rule in v.rule}
    assert _status(verdicts, "56.000 %") == UNCHECKED
    assert "only real data count" in next(v.why for v in verdicts if "56.000 %" in v.rule)


@pytest.mark.parametrize(
    ("overall", "frames", "accuracy", "split"),
    [(0.56, 255_840, PASS, PASS), (0.5599, 255_840, FAIL, PASS), (0.6, 24_960, UNCHECKED, UNCHECKED)],
)
def test_real_accuracy_counts_on_the_whole_test_part(opened: TrainedRun, overall, frames, accuracy, split):
    measured = TrainedAccuracy(overall=overall, frames=frames, data="test part of real data: GOLD.hdf5")
    trained = replace(opened.trained, training_data=TrainingData("real", "GOLD.hdf5"), accuracy=measured)
    verdicts = check_rules(replace(opened, trained=trained))
    assert (_status(verdicts, "56.000 %"), _status(verdicts, "official split")) == (accuracy, split)


REAL, OTHER = (TrainingData("real", f"{name}.hdf5", name) for name in ("GOLD", "other"))
SYNTHETIC = TrainingData("synthetic", "generator 1", "s")


@pytest.mark.parametrize(
    ("lineage", "status"),
    [
        ([REAL, REAL], PASS),
        ([REAL, SYNTHETIC], PASS),
        ([REAL, OTHER], UNCHECKED),
        ([REAL, SYNTHETIC, OTHER], UNCHECKED),
        ([REAL, TrainingData("unknown", "bare.pth", "")], UNCHECKED),
        ([SYNTHETIC, replace(SYNTHETIC, sha256="t")], PASS),
        ([SYNTHETIC, REAL], UNCHECKED),
    ],
)
def test_weights_that_training_started_from_have_seen_frames_too(
    opened: TrainedRun, lineage: list[TrainingData], status: str
):
    """lineage: training data of the run, then of the checkpoint with which it began, and so on."""
    data = lineage[-1]
    for own in lineage[-2::-1]:
        data = replace(own, started_from=StartedFrom("c", data))
    trained = replace(opened.trained, training_data=data, accuracy=TrainedAccuracy(overall=0.6, frames=255_840))
    assert _status([_split(replace(opened, trained=trained))], "official split") == status


def _shift_zero_point(model: onnx.ModelProto) -> None:
    name = next(node for node in model.graph.node if node.op_type == "Quant").input[2]
    next(t for t in model.graph.initializer if t.name == name).CopyFrom(numpy_helper.from_array(np.float32(1), name))


def _change_a_weight(model: onnx.ModelProto) -> None:
    tensor = max(model.graph.initializer, key=lambda t: np.prod(t.dims))
    tensor.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(tensor), tensor.name))


def _append(operation: str, domain: str = "", twice: bool = False) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        last = model.graph.node[-1]
        last.output[0] = "before"
        model.graph.node.append(helper.make_node("Identity", ["before"], ["same"]))
        inputs = ["before", "same"] if twice else ["before"]
        model.graph.node.append(helper.make_node(operation, inputs, ["logits"], domain=domain))

    return change


@pytest.mark.parametrize(
    ("change", "rule", "status"),
    [
        (_shift_zero_point, "zero point 0", FAIL),
        (_change_a_weight, "IQ samples", FAIL),
        (_append("Relu", "finn.custom_op.vendor"), "custom", FAIL),
        (_append("Mul", twice=True), "Mul, Div", UNCHECKED),
    ],
)
def test_a_broken_model_fails_its_rule(opened: TrainedRun, tmp_path: Path, change, rule: str, status: str, monkeypatch):
    if rule != "IQ samples":  # the others are looked up in the graph, which need not run
        monkeypatch.setattr("training.challenge.rules._same_network", lambda *_: Verdict("", PASS, ""))
    model = onnx.load(opened.model)
    change(model)
    onnx.save(model, tmp_path / "model.onnx")
    verdicts = check_rules(replace(opened, model=tmp_path / "model.onnx"))
    assert _status(verdicts, rule) == status


def test_an_operation_without_a_cost_fails(opened: TrainedRun):
    unsupported = replace(opened, score=replace(opened.score, unsupported={"Abs": 2}))
    verdicts = check_rules(unsupported)
    assert _status(verdicts, "official function") == FAIL


def test_a_failed_rule_leaves_no_zip(run: Path, tmp_path: Path):
    shutil.copytree(run / "train", tmp_path / "run" / "train")  # but not config.yaml
    done = CliRunner().invoke(
        app, ["submission", str(tmp_path / "run"), str(tmp_path / "a.zip")], env={"COLUMNS": "150"}
    )
    assert done.exit_code == 1 and "was not written" in done.output and "no config.yaml" in done.output
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    ("section", "key", "claim"),
    [("training", "start_from", {}), ("distillation", "teacher", {"teacher": {"sha256": 64 * "0"}})],
)
def test_checkpoints_that_training_started_from_come_along(
    section: str, key: str, claim: dict, run: Path, tmp_path: Path
):
    shutil.copytree(run / "train", tmp_path / "run" / "train")
    config = {**yaml.safe_load((run / "config.yaml").read_text()), **claim}
    config[section] = {**(config[section] or {}), key: str(run / "train" / "checkpoint.pth")}
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(config))
    verdicts = write_submission(tmp_path / "run", tmp_path / "b.zip")
    assert f"submission/{key}.pth" in next(v.why for v in verdicts if "reproducible" in v.rule)
    with zipfile.ZipFile(tmp_path / "b.zip") as opened_zip:
        experiment = opened_zip.read("submission/experiment.yaml").decode()
        assert opened_zip.read(f"submission/{key}.pth") == (run / "train" / "checkpoint.pth").read_bytes()
    assert f"{key}: submission/{key}.pth" in experiment and str(run) not in experiment
    config[section][key] = "gone.pth"
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(RadioMLError, match=r"starts from cannot be read.*gone.pth"):
        write_submission(tmp_path / "run", tmp_path / "b.zip")


def test_the_form_is_filled(archive: Path, opened: TrainedRun):
    with zipfile.ZipFile(archive) as opened_zip:
        form = opened_zip.read("submission/form.txt").decode()
        rules = opened_zip.read("submission/rules.md").decode()
    answers = [line for line in form.splitlines() if line.startswith("->")]
    assert len(answers) == 8 and all(len(answer) > 4 for answer in answers) and "$" not in form
    assert f"-> {opened.score.score:.6f}" in answers and "-> https://example.org/entry" in answers
    assert "synthetic data" in answers[0] and "| not checkable here | only real data count" in rules


def test_the_zip_is_reproducible_and_names_no_machine(archive: Path, run: Path, tmp_path: Path):
    write_submission(run, tmp_path / "again.zip", "https://example.org/entry")
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()
    with zipfile.ZipFile(archive) as opened_zip:
        for name in opened_zip.namelist():
            content = opened_zip.read(name)
            assert str(run).encode() not in content, name
            assert not name.startswith("submission/") or str(SOURCE).encode() not in content, name
            assert "__pycache__" not in name


@pytest.mark.parametrize(("git", "checkout"), [(True, True), (True, False), (False, False)])
def test_only_the_projects_own_files_are_packed(
    git: bool, checkout: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    own = {
        "Dockerfile",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "radioml/data/dataset.py",
        "radioml/cli/__init__.py",
    }
    strange = {"notes.txt", ".env", "radioml/.cache/a.py", "radioml/__pycache__/a.pyc", "radioml/cli/.a/b.py"}
    untracked = {"training/notes.txt"}
    for name in own | strange | untracked:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    if git:  # which tracks nothing where the source was unpacked inside another project
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    if checkout:
        subprocess.run(["git", "add", *own], cwd=tmp_path, check=True)
    monkeypatch.setattr("training.challenge.submission.SOURCE", tmp_path)
    assert set(_source()) == (own if checkout else own | untracked)
    told = _format(dict.fromkeys(_REQUIRED, b"x"), None).why
    assert ("git does not track them" in told and "training/notes.txt" in told) == checkout


def test_its_recipe_gives_the_same_figures_in_an_empty_folder(archive: Path, opened: TrainedRun, tmp_path: Path):
    write_dataset(tmp_path / "frames.hdf5", 2, seed=77)
    with zipfile.ZipFile(archive) as opened_zip:
        opened_zip.extractall(tmp_path / "entry")
    environment = {**os.environ, "HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path / "matplotlib")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment.pop("PYTHONPATH", None)
    command = ["sh", "entry/submission/evaluate.sh", "frames.hdf5", "--frames", "312"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    where = subprocess.run(
        ["python", "-c", "import training; print(training.__file__)"], cwd=tmp_path / "entry", env=environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(tmp_path)), "the recipe must run the zip's own source"
    results = tmp_path / "entry" / "results"
    assert read_json(results / "score.json")["bit_ops"] == opened.score.bit_ops
    assert read_json(results / "export" / "train" / "score.json")["bit_mem"] == opened.score.bit_mem
    expected = evaluate(opened.checkpoint, tmp_path / "frames.hdf5", frames=312).metrics.measured.to_json()
    for name in ("checkpoint", "onnx"):
        found = read_json(results / name / "evaluation.json")
        assert {key: found[key] for key in expected} == expected
