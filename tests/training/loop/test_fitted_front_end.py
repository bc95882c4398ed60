"""`radioml train` fits the front end to a file that the generator did not make, and to no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import yaml
from rich.console import Console

from radioml.data.dataset import read_iq
from radioml.data.synthetic import write_dataset
from training.experiments.experiment import Experiment, load_experiment
from training.loop.fitted_front_end import with_fitted_front_end
from training.models import create
from training.models.on_statistics import FITTED, OnStatistics
from training.models.symbol_statistics import equaliser
from training.models.symbol_statistics.signals import TAPS

pytestmark = pytest.mark.training

EXPERIMENT = """
name: mine
topology: symbol_statistics
parameters: {phase_statistics: [h0.8, p], whole_statistics: [dc]}
training: {epochs: 1}
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "generated.h5"
    write_dataset(path, 4, seed=2)
    return path


@pytest.fixture(scope="module")
def received(generated: Path) -> Path:
    """The same frames, of a receiver that gives samples a fifth too small; nothing says who made them."""
    path = generated.with_name("received.h5")
    path.write_bytes(generated.read_bytes())
    with h5py.File(path, "r+") as file:
        file["X"][:] = file["X"][:] * np.float32(0.8)
        file.attrs.clear()
    return path


def fitted(data: Path, **changes: object) -> dict[str, object]:
    settings = {"name": "mine", "topology": "symbol_statistics", **changes}
    return with_fitted_front_end(Experiment(**settings), data, Console(quiet=True)).parameters


def test_one_command_fits_and_trains(received: Path, radioml_here: Callable, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(EXPERIMENT)
    arguments = ("train", tmp_path / "mine.yaml", "--data", received, "--run", tmp_path / "run")
    done = radioml_here(*arguments)
    assert done.returncode == 0, done.stderr
    for name in FITTED:
        assert f"{name} of {received}: fitted to training frames" in done.stdout
    there = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["parameters"]
    assert there["equaliser"] == fitted(received)["equaliser"] != list(TAPS)
    assert "is trained already" in radioml_here(*arguments).stdout, "the same file is fitted alike"


def test_what_a_smaller_amplitude_moves_the_fit_moves_back(received: Path, generated: Path):
    """A fifth less of amplitude at the same noise: the taps grow by a quarter, and the levels are like the shipped."""
    parameters = fitted(received)
    ratios = [a / b for a, b in zip(parameters["equaliser"][:2], TAPS[:2], strict=True)]
    assert all(1.1 < ratio < 1.5 for ratio in ratios), parameters["equaliser"]
    frames = [torch.from_numpy(read_iq(path, np.arange(0, 2496, 8))).transpose(1, 2) for path in (received, generated)]
    networks = [create("symbol_statistics", of) for of in (parameters, {}, {})]
    fits, shipped, unfitted = (
        network.rows((iq * 64).round().clamp(-128, 127) / 64).double()
        for network, iq in zip(networks, (*frames, frames[0]), strict=True)
        if isinstance(network, OnStatistics)
    )
    assert (fits - shipped).abs().mean() < 0.7 * (unfitted - shipped).abs().mean()


def test_constants_stay_where_nothing_is_to_be_fitted(generated: Path, received: Path):
    assert not fitted(generated), "the shipped constants are those of the generator"
    mine = {"equaliser": [32, -5, 1, 0]}
    assert fitted(received, parameters=mine) == mine
    assert not fitted(received, training={"start_from": "checkpoint.pth"})
    assert load_experiment("polyphase").parameters == fitted(
        received, topology="polyphase", parameters=load_experiment("polyphase").parameters
    )


def test_frames_that_suit_no_fit_leave_the_shipped_taps(
    received: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(equaliser, "_LOWEST_SNR_DB", 40)
    experiment = Experiment(name="mine", topology="symbol_statistics")
    found = with_fitted_front_end(experiment, received, Console(width=500)).parameters
    assert "equaliser" not in found
    assert "standardisation" in found
    assert f"equaliser of {received}: the shipped constants" in capsys.readouterr().out
