"""Networks that nobody has built yet: classified and streamed with in software, by the integers of an accelerator."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner, Result

import radioml.cli.commands.classify
import radioml.cli.commands.evaluation
import radioml.cli.commands.stream  # noqa: F401  (each registers)
from deploy.classify import classify
from deploy.opening import opened
from radioml.cli import app
from radioml.constants import CLASSES
from radioml.contract.metadata import attach, load_exported
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from radioml.reading.text import read_json


def radioml_command(*arguments: object) -> Result:
    """Run in this process; what a command raises is in `exception`."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "250"})


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "frames.npy"
    np.save(path, generate_spread(24, 6).iq)
    return path


def test_a_model_classifies_as_its_package_does(small_model: Path, small_package: Path, data_file: Path):
    alone = classify(small_model, data_file, frames=200)
    packaged = classify(small_package, data_file, "software", frames=200)
    np.testing.assert_array_equal(alone.predicted, packaged.predicted)
    assert (alone.backend, alone.name, alone.manifest) == ("software", "network in software", None)
    assert alone.model_sha256 == packaged.model_sha256 and alone.golden_frames == 0
    assert alone.network.training_data == packaged.network.training_data


@pytest.mark.training
def test_models_checkpoints_and_the_shipped_network_from_the_command_line(
    small_model: Path, data_file: Path, tmp_path: Path
):
    figures = []
    for network in ([small_model], [small_model.with_name("checkpoint.pth")], []):
        out = tmp_path / f"out{len(figures)}"
        done = radioml_command("classify", *network, "--data", data_file, "--frames", 100, "--out", out)
        assert done.exit_code == 0, (done.output, done.exception)
        assert "frames/s in software" in done.stdout and "golden frames" not in done.stdout
        figures.append(read_json(out / "accuracy.json"))
        assert read_json(out / "throughput.json")["board"] is None
    model, checkpoint, shipped = figures
    assert model["overall"] == checkpoint["overall"] and shipped["overall"]["correct"] > model["overall"]["correct"]
    assert shipped["training_data"]["identity"] == "generator 1, seed 2018"


@pytest.mark.training
def test_the_default_folders(small_model: Path, data_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert f"{small_model.parent.parent / 'deploy'}" in radioml_command(
        "classify", small_model, "--data", data_file, "--frames", 30
    ).stdout.replace("\n", "")
    done = radioml_command("evaluate", "--data", data_file, "--frames", 30)
    assert done.exit_code == 0 and (tmp_path / "runs/shipped/evaluation/qonnx-test/evaluation.json").is_file()


def test_rows_of_a_recording_are_the_packages(small_model: Path, small_package: Path, recording: Path, tmp_path: Path):
    outputs = []
    for arguments in ([small_model, recording], [small_package, recording, "--backend", "software"], [recording]):
        done = radioml_command("stream", *arguments, "--out", "-")
        assert done.exit_code == 0, (done.output, done.exception)
        outputs.append([json.loads(line) for line in done.stdout.splitlines()])
    assert outputs[0] == outputs[1] and len(outputs[2]) == 24 and outputs[2] != outputs[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["MODEL", "--backend", "simulation"], "has no build, and runs in software; `radioml build` makes the package"),
        (["MODEL", "--backend", "pynq", "--target", "localhost"], "makes the package that a board needs"),
        (["MODEL", "--topology", "vgg10"], "--topology is for checkpoints; "),
        (["--topology", "vgg10"], "--topology is for checkpoints; the shipped network names its topology itself"),
        (["absent.onnx"], "absent.onnx: no such file; give a package.zip, a model.onnx or a checkpoint.pth"),
    ],
)
def test_what_a_network_without_a_build_has_not(
    arguments: list[str], message: str, small_model: Path, data_file: Path, tmp_path: Path
):
    given = [str(small_model) if argument == "MODEL" else argument for argument in arguments]
    done = radioml_command("classify", *given, "--data", data_file)
    assert isinstance(done.exception, RadioMLError) and message in str(done.exception)


@pytest.mark.parametrize("name", ["package.zip", "model.onnx", "checkpoint.pth"])
def test_a_network_alone_is_nothing_to_stream(name: str, tmp_path: Path):
    done = radioml_command("stream", name)
    assert f"{name} is a network; give a source as well" in str(done.exception)
    done = radioml_command("stream", name, "a.npy", "b.npy")
    assert "expected SOURCE, or NETWORK and SOURCE; 3 arguments" in str(done.exception)


def test_logits_in_another_order_count_for_their_classes(small_model: Path, data_file: Path, tmp_path: Path):
    model, metadata = load_exported(small_model)
    order = tuple(np.random.default_rng(1).permutation(CLASSES))
    attach(model, type(metadata)(**{**vars(metadata), "classes": order}))
    onnx.save(model, tmp_path / "other.onnx")
    known, found = (classify(path, data_file, frames=200) for path in (small_model, tmp_path / "other.onnx"))
    np.testing.assert_array_equal(np.array(order)[known.predicted], np.array(CLASSES)[found.predicted])


def test_a_folder_without_a_package(tmp_path: Path):
    with pytest.raises(RadioMLError, match=r"no package\.zip in it"), opened(tmp_path):
        pass
