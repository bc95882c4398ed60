"""Networks whose code is the user's own: run when asked for, told apart by digest, with a message for every mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from radioml.contract.training_data import TrainingData
from radioml.errors import RadioMLError
from training.experiments.experiment import load_experiment
from training.models import create, load_own, own_code, topology
from training.templates import write_templates
from training.trained.checkpoint import TrainedNetwork, load_checkpoint, save_checkpoint
from training.trained.export import export, rehearse

SOURCE = (Path(own_code.__file__).parents[1] / "templates" / "network.py").read_text()
PARAMETERS = {"channels": [4, 4, 4]}


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(own_code, "_LOADED", {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_templates("mine", tmp_path, topology=True)
    return tmp_path


def checkpoint(folder: Path, name: str = "mine.py:Network") -> Path:
    load_own(name, folder)
    torch.manual_seed(0)
    network = create(name, PARAMETERS).eval()
    path = folder / "checkpoint.pth"
    save_checkpoint(path, TrainedNetwork(network, name, PARAMETERS, TrainingData("none")))
    own_code._LOADED.clear()
    return path


def test_an_experiment_runs_the_code_beside_it(folder: Path):
    experiment = load_experiment(str(folder / "mine.yaml"), ["parameters.channels=[4, 4]"])
    network = create(experiment.topology, experiment.parameters)
    assert network(torch.zeros(3, 2, 1024)).shape == (3, 24)
    assert topology("mine.py:Network").source == str(folder / "mine.py")
    rehearse(network, experiment.topology)


def test_the_code_of_a_package(folder: Path):
    (folder / "my_package" / "nets").mkdir(parents=True)
    (folder / "my_package" / "nets" / "small.py").write_text(f"from my_package.widths import WIDTHS\n{SOURCE}")
    (folder / "my_package" / "widths.py").write_text("WIDTHS = (4, 4)\n")
    own = load_own("my_package.nets.small:Network", folder)
    assert own.place == folder / "my_package" / "nets" / "small.py"
    assert create(own.name, PARAMETERS)(torch.zeros(1, 2, 1024)).shape == (1, 24)
    before = own.sha256
    (folder / "my_package" / "widths.py").write_text("WIDTHS = (8, 8)\n")
    assert load_own(own.name, folder).sha256 != before, "all files of the package count"


def test_a_checkpoint_runs_no_code(folder: Path):
    path = checkpoint(folder)
    (folder / "mine.py").write_text(f"raise SystemExit('run')\n{SOURCE}")
    for given in (None, "mine.py:Network", str(folder / "mine.py:Network")):
        with pytest.raises(
            RadioMLError, match=r"checkpoint.pth: topology 'mine.py:Network' is code of your own, which runs on request"
        ):
            load_checkpoint(path, given)


def test_a_checkpoint_is_loaded_with_its_code_from_anywhere(folder: Path, tmp_path: Path):
    path = checkpoint(folder)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "renamed.py").write_text(SOURCE)
    load_own("elsewhere/renamed.py:Network", tmp_path)
    trained = load_checkpoint(path, "elsewhere/renamed.py:Network")
    assert (trained.topology, trained.parameters) == ("mine.py:Network", PARAMETERS)
    model = export(path, tmp_path / "train", "elsewhere/renamed.py:Network")
    assert model.is_file() and load_checkpoint(tmp_path / "train" / "checkpoint.pth").code_sha256 == trained.code_sha256


def test_a_checkpoint_needs_its_code_as_it_was(folder: Path):
    path = checkpoint(folder)
    (folder / "mine.py").write_text(SOURCE.replace("5, stride=4", "7, stride=4"))
    load_own("mine.py:Network", folder)
    with pytest.raises(RadioMLError, match=r"mine.py has changed since the checkpoint was made \(SHA-256"):
        load_checkpoint(path)
    with pytest.raises(RadioMLError, match=r"a checkpoint of topology 'mine\.py:Network', not 'vgg10'"):
        load_own("mine.py:Network", folder)
        (folder / "mine.py").write_text(SOURCE)
        load_own("mine.py:Network", folder)
        load_checkpoint(path, "vgg10")


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("mine.py", SOURCE, "expected FILE.py:CLASS or PACKAGE.MODULE:CLASS"),
        ("mine.py:Net-work", SOURCE, "expected FILE.py:CLASS"),
        ("yours.py:Network", SOURCE, "yours.py is no file"),
        ("no.such.package:Network", SOURCE, "ModuleNotFoundError: No module named 'no'"),
        (
            "mine.py:Netwrk",
            SOURCE,
            r"torch.nn.Module of this name; did you mean 'Network'\? It has Network",
        ),
        ("mine.py:SIZE", f"SIZE = 3\n{SOURCE}", "no subclass of torch.nn.Module of this name"),
        ("mine.py:Network", "import torch\n\nx = 1 / 0\n", r"mine.py, line 3: ZeroDivisionError"),
        ("mine.py:Network", "class Network(\n", r"mine.py, line 1: SyntaxError"),
    ],
)
def test_code_that_cannot_be_loaded(name: str, source: str, message: str, folder: Path):
    (folder / "mine.py").write_text(source)
    with pytest.raises(RadioMLError, match=message):
        load_own(name, folder)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"chanels": [4]}, r"no parameter 'chanels'; did you mean 'channels'\? It has channels, weight_bits, act"),
        ({"channels": "wide"}, r"channels = 'wide': Input should be a valid tuple"),
        ({}, "missing 1 required positional argument: 'channels'"),
    ],
)
def test_parameters_that_the_constructor_does_not_take(parameters: dict, message: str, folder: Path):
    load_own("mine.py:Network", folder)
    with pytest.raises(RadioMLError, match=message):
        create("mine.py:Network", parameters)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("len(CLASSES), **weights", "11, **weights"),
            r"forward makes \(2, 11\) of samples .* it has to make logits \(2, 24\)",
        ),
        (("return self.classifier(", "return x("), r"mine.py, line \d+: NameError: name 'x' is not defined"),
        (
            ("qnn.QuantIdentity(act_quant=InputQuant, bit_width=8)", "nn.Identity()"),
            "has no QuantIdentity for its input",
        ),
        (("qnn.QuantIdentity(act_quant=InputQuant, bit_width=8)", "qnn.QuantIdentity()"), "learns its scale"),
        (
            ("self.input(iq)", "self.input(2 * iq)"),
            "Mul reads the samples; the first QuantIdentity of the network must",
        ),
        (
            ("CLASSES), **weights)", "CLASSES), **weights, weight_scaling_per_output_channel=True)"),
            "a weight scale for each class",
        ),
        (('"bias": False}', '"bias": True}'), "not multiples of logit_scale"),
    ],
)
def test_networks_that_break_the_contract(change: tuple[str, str], message: str, folder: Path):
    (folder / "mine.py").write_text(SOURCE.replace(*change))
    assert SOURCE.replace(*change) != SOURCE
    load_own("mine.py:Network", folder)
    with pytest.raises(RadioMLError, match=message):
        rehearse(create("mine.py:Network", PARAMETERS), "mine.py:Network")


def test_the_templates_comments_are_settings(folder: Path):
    """Every setting that stands behind a # is one that can be used."""
    text = (folder / "mine.yaml").read_text()
    lines = [re.sub("^( *)# (?=[a-z_]+: )", r"\1", line) for line in text.splitlines()]
    (folder / "all.yaml").write_text("\n".join(lines))
    experiment = load_experiment(str(folder / "all.yaml"))
    assert experiment.pruning and experiment.distillation and experiment.averaging and experiment.augmentation
    assert experiment.training == load_experiment(str(folder / "mine.yaml")).training.model_copy(
        update={"start_from": "runs/mine/train/checkpoint.pth"}
    )
    write_templates("other", folder, topology=False)
    assert load_experiment(str(folder / "other.yaml")).topology == "polyphase"


def test_templates_overwrite_nothing(folder: Path):
    with pytest.raises(RadioMLError, match=r"mine\.yaml exists already"):
        write_templates("mine", folder, topology=False)
    with pytest.raises(RadioMLError, match="a name has letters, digits"):
        write_templates("a/b", folder, topology=False)
