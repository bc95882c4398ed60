from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from radioml.errors import RadioMLError
from tests.repository import REPOSITORY
from training.experiments.experiment import CONFIGS, load_experiment
from training.models import create


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_experiments_build_their_network(config: Path):
    experiment = load_experiment(str(config))
    assert experiment.name == config.stem
    create(experiment.topology, experiment.parameters)


def test_a_shipped_experiment_is_found_by_name():
    assert load_experiment("polyphase").topology == "polyphase"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\ntopology: y\nbatch: 3\n", "batch: an unknown key"),
        ("name: x\ntopology: y\ntraining: {epochs: many}\n", "training.epochs: .*found 'many'"),
        ("name: x\ntopology: y\ntraining: {seed: 99999999999999999999}\n", "training.seed: .*less than 4294967296"),
        ("name: x\ntopology: y\ntraining: {learning_rate: 1.0e+300}\n", "training.learning_rate: .*or equal to 10"),
        ("name: x\ntopology: y\ntraining: {learning_rate: .inf}\n", "training.learning_rate: .*finite number"),
        ("name: x\ntopology: y\naugmentation: {noise: .nan}\n", "augmentation.noise: .*finite number"),
        ("name: ../x\ntopology: y\n", "name: String should match"),
        ("topology: y\n", "name: Field required"),
        ("- 1\n", "expected keys"),
        ("a: [\n", "not valid YAML"),
    ],
)
def test_mistakes_are_named_with_their_key(tmp_path: Path, text: str, message: str):
    path = tmp_path / "e.yaml"
    path.write_text(text)
    with pytest.raises(RadioMLError, match=message):
        load_experiment(str(path))


def test_a_missing_file_lists_the_shipped_ones():
    with pytest.raises(RadioMLError, match=r"Shipped ones are: .*polyphase"):
        load_experiment("nonsense")


def test_unknown_topology_and_parameters_are_refused():
    with pytest.raises(RadioMLError, match=r"There are: .*polyphase, symbol_statistics, .*vgg10"):
        create("resnet", {})
    with pytest.raises(RadioMLError, match=r"unknown parameter 'colour'\. There are phases, channels"):
        create("polyphase", {"colour": 1})
    with pytest.raises(RadioMLError, match="phases = 7 does not divide"):
        create("polyphase", {"phases": 7})


def test_values_of_a_file_can_be_changed():
    changed = load_experiment("polyphase", ["training.epochs=2", "parameters.channels=[8, 8, 8, 8, 8]", "name=mine"])
    assert changed.training.epochs == 2
    assert changed.parameters["channels"] == [8] * 5
    assert changed.name == "mine"
    assert changed.training.batch_size == load_experiment("polyphase").training.batch_size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("training.epochs", "KEY=VALUE"),
        ("training..epochs=2", "KEY=VALUE"),
        ("name.first=x", "name has no keys inside"),
        ("training.epochs=[", "expected something like"),
        ("training.epoch=2", "training.epoch: an unknown key; did you mean 'epochs'[?] There are start_from, epochs"),
    ],
)
def test_a_bad_change_is_named(change: str, message: str):
    with pytest.raises(RadioMLError, match=message):
        load_experiment("polyphase", [change])


def test_an_experiment_can_be_changed_again():
    first = load_experiment("polyphase_small", ["training.epochs=3"])
    before = first.to_yaml()
    second = first.changed(["parameters.channels=[8]", "augmentation.noise=0.1"])
    assert second == load_experiment(
        "polyphase_small", ["training.epochs=3", "parameters.channels=[8]", "augmentation.noise=0.1"]
    )
    assert first.to_yaml() == before
    with pytest.raises(RadioMLError, match="polyphase_small: not a valid experiment"):
        first.changed(["training.epochs=0"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nonsense", "--data", "absent.hdf5"], "nonsense: no such experiment file"),
        (["train", "polyphase", "--data", "absent.hdf5"], "absent.hdf5: no such file"),
    ],
)
def test_a_typo_is_told_before_torch_is_loaded(arguments: list[str], message: str, tmp_path: Path):
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('torch' in sys.modules))\n"
        "from radioml.cli import main\n"
        "main()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "False\n")
    assert message in done.stderr
