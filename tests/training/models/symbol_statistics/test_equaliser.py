"""The equaliser: any taps exactly, the shipped ones found again on generated frames, wrong ones in one message."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from rich.console import Console
from scipy.ndimage import convolve1d

from radioml.contract.training_data import TrainingData
from radioml.data.synthetic import generate_cell
from radioml.network.integer_qonnx import IntegerQonnx
from training.experiments.experiment import load_experiment
from training.loop import teacher_first
from training.models import create
from training.models.symbol_statistics import operations
from training.models.symbol_statistics.equaliser import fitted_taps
from training.models.symbol_statistics.front_end import FrontEnd
from training.models.symbol_statistics.head import LOGIT_SCALE
from training.models.symbol_statistics.signals import STEP, TAPS, Signals, binomial_weights, boxed
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export
from training.trained.reference import IntegerNetwork

pytestmark = pytest.mark.training

EXPERIMENT = """
name: wrong
topology: symbol_statistics
parameters: {{{parameters}}}
distillation: {{teacher: record_teacher}}
"""


@pytest.mark.parametrize("exported", [False, True])
@pytest.mark.parametrize("taps", [TAPS, (64, -64, 64, -64), (-64, 64, -64, 64), (32, 0, 0, 0), (1, 64, 7, -33)])
def test_any_taps_are_a_convolution_in_integers(taps: tuple, exported: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(operations, "is_exported", lambda: exported)
    frames = torch.randint(-128, 128, (8, 2, 1024), generator=torch.Generator().manual_seed(1)) / 64
    frames[6], frames[7] = -2, 127 / 64
    x = np.rint(boxed(frames.reshape(-1, 2, 1, 1024)).numpy() / STEP).astype(np.int64)
    sums = convolve1d(x, [*taps[:0:-1], *taps], axis=2, mode="constant")
    wanted = np.clip((sums + 16) >> 5, -128, 127)
    found = Signals(frames, taps).symbols.numpy() / STEP
    inner = slice(3, -3)  # at the ends of a frame three filters with zeros beyond are not their convolution
    np.testing.assert_array_equal(found[:, :, inner], wanted[:, :, inner])


def test_the_shipped_taps_have_the_weights_that_shipped_networks_were_trained_with():
    assert binomial_weights(TAPS) == (1.375, -1.5, 1.0)
    assert binomial_weights((34, -4, 2, -1)) == (1.5, -2.625, 4.0, -2.0)
    assert "equaliser" not in FrontEnd(["p"], ["dc"]).record()
    assert FrontEnd(["p"], ["dc"], (32, -4, 2, -1)).record()["equaliser"] == (32, -4, 2, -1)


def frames_of_psk() -> np.ndarray:
    random = np.random.default_rng(5)
    cells = [(name, snr_db) for name in ("BPSK", "QPSK", "8PSK", "32PSK") for snr_db in (20, 30)]
    return np.concatenate([generate_cell(random, 8, name, snr_db) for name, snr_db in cells])


def test_generated_frames_give_the_shipped_taps():
    found = fitted_taps(frames_of_psk())
    assert all(abs(a - b) <= 2 for a, b in zip(found, TAPS, strict=True)), found


def test_an_echo_of_neighbours_is_taken_away():
    """An eighth of each sample in those 8 before and behind it: the first taps grow by about an eighth."""
    echo = np.zeros(17)
    echo[[0, 8, 16]] = 1 / 8, 1, 1 / 8
    found = fitted_taps(convolve1d(frames_of_psk(), echo, axis=1).astype(np.float32))
    assert found[1] < 1.5 * TAPS[1] and found[2] > TAPS[2]


def test_statistics_change_with_the_taps():
    frames = torch.from_numpy(frames_of_psk()).transpose(1, 2)
    levels = [FrontEnd(["h0.8", "p"], ["dc"], taps)((frames * 64).round() / 64) for taps in (TAPS, (32, 0, 0, 0))]
    assert not torch.equal(levels[0][0], levels[1][0]) and torch.equal(levels[0][1], levels[1][1])


def test_a_teacher_that_is_trained_first_sees_what_its_student_sees(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    record = load_experiment("record")
    fitted = {"equaliser": [32, -5, 1, 0], "standardisation": {"h0.8": [5, 12, 100], "max.z4x8": [4, 9, -30]}}
    student = record.model_copy(update={"parameters": {**record.parameters, **fitted}})
    trained = []
    monkeypatch.setattr(teacher_first, "train", lambda teacher, *_: trained.append(teacher))
    teacher_first.with_trained_teacher(student, tmp_path / "data.h5", tmp_path / "run", Console())
    network, teacher = (create(e.topology, e.parameters) for e in (student, *trained))
    assert network.sees_what(teacher) and not network.sees_what(create("symbol_statistics", {}))
    assert copy.deepcopy(network).sees_what(teacher)


def test_a_fitted_network_exports_what_it_was_fitted_to(tmp_path: Path):
    parameters = {
        "phase_statistics": ["h0.8", "p"], "whole_statistics": ["max.z4x8", "dc"], "phase_units": 3, "whole_units": 2,
        "equaliser": [30, 9, -3, 2], "standardisation": {"h0.8": [5, 8, -9000], "max.z4x8": [4, 9, -30]},
    }  # fmt: skip
    torch.manual_seed(2)
    network = create("symbol_statistics", parameters)
    network(torch.from_numpy(frames_of_psk()).transpose(1, 2))  # moves the batch norms
    data = TrainingData("synthetic", "none: random weights", "0" * 64)
    save_checkpoint(tmp_path / "c.pth", TrainedNetwork(network.eval(), "symbol_statistics", parameters, data))
    model = onnx.load(export(tmp_path / "c.pth", tmp_path))  # compares every logit of every golden frame
    shipped = create("symbol_statistics", {**parameters, "equaliser": list(TAPS), "standardisation": {}})
    shipped.load_state_dict(network.state_dict())
    with np.load(tmp_path / "golden.npz", allow_pickle=False) as golden:
        assert (IntegerNetwork(shipped)(golden["iq"]) != golden["logits"]).any(1).mean() > 0.5
        assert (IntegerQonnx(model)(golden["iq"]) / LOGIT_SCALE == golden["logits"]).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("phase_statistics: [h0.8, h08]", "unknown statistic of a phase 'h08'; did you mean 'h0.8'?"),
        ("whole_statistics: [max.h7.5]", "unknown statistic of the whole frame 'max.h7.5'"),
        ("equaliser: [34, -4, 2, 65]", "equaliser = [34, -4, 2, 65]: expected 4 whole numbers from -64 to 64"),
        ("equaliser: [34, -4]", "equaliser = [34, -4]: expected 4 whole numbers"),
        ("equaliser: [34.5, 1, 2, 3]", "equaliser = [34.5, 1, 2, 3]: expected a list of whole numbers"),
        ("standardisation: {h0.9x: [4, 9, 1]}", "standardisation of an unknown statistic 'h0.9x'"),
        ("standardisation: {h0.9: [9, 9, 1]}", "standardisation of 'h0.9' = [9, 9, 1]: expected factor (4 to 7)"),
        ("standardisation: {h0.9: [4, 9.5, 1]}", "standardisation = {'h0.9': [4, 9.5, 1]}: expected"),
        ("standardisation: {t0.d: [7, 10, -14680065]}", "of 't0.d' = [7, 10, -14680065]: single precision cannot"),
        ("phase_units: 0", "phase_units = 0: expected a whole number from 1 to 4096"),
        ("samples_per_symbol: 4", "unknown parameter 'samples_per_symbol'"),
    ],
)
def test_a_mistake_is_one_message_before_anything_is_trained(
    parameters: str, message: str, radioml_here: Callable, tmp_path: Path
):
    data = tmp_path / "data.h5"
    assert not radioml_here("data", "synth", data, "--frames-per-cell", 1).returncode
    (tmp_path / "wrong.yaml").write_text(EXPERIMENT.format(parameters=parameters))
    done = radioml_here("train", "wrong.yaml", "--data", data, "--run", "run")
    assert done.returncode == 2 and " ".join(done.stderr.split()).count(message) == 1, done
    assert (
        "Traceback" not in done.stderr and not (tmp_path / "run").exists() and not (tmp_path / "run-teacher").exists()
    )
