"""The symbol rate of a file is found from its frames, and a network on statistics refuses another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.signal import resample_poly

from radioml.data.conditions import preset
from radioml.data.synthetic import generate_cell, write_dataset
from training.models.symbol_statistics.symbol_rate import check_symbol_rate, samples_a_symbol

pytestmark = pytest.mark.training


def psk(conditions: str, frames: int = 4) -> np.ndarray:
    random = np.random.default_rng(3)
    cells = [(name, snr_db) for name in ("BPSK", "QPSK", "32PSK") for snr_db in (20, 30)]
    return np.concatenate([generate_cell(random, frames, name, snr, preset(conditions)) for name, snr in cells])


def resampled(iq: np.ndarray, up: int, down: int) -> np.ndarray:
    """Each frame and its neighbour in one, at another rate, from the first sample on."""
    pairs = np.concatenate([iq, np.roll(iq, 1, axis=0)], 1)
    return resample_poly(pairs, up, down, axis=1)[:, : iq.shape[1]].astype(np.float32)


@pytest.mark.parametrize("conditions", ["nominal", "impaired", "widened"])
@pytest.mark.parametrize(("up", "down", "expected"), [(1, 1, 8.0), (1, 2, 4.0), (3, 2, 12.0), (5, 8, 5.0)])
def test_the_rate_is_found_at_all_conditions(conditions: str, up: int, down: int, expected: float):
    assert samples_a_symbol(resampled(psk(conditions), up, down)) == pytest.approx(expected, rel=0.01)


def test_noise_has_no_symbol_rate():
    assert samples_a_symbol(np.random.default_rng(1).normal(size=(100, 1024, 2)).astype(np.float32)) is None


@pytest.fixture
def four_samples(tmp_path: Path) -> Path:
    """A file whose symbols have 4 samples."""
    path = tmp_path / "fast.h5"
    write_dataset(path, 4, seed=2)
    with h5py.File(path, "r+") as file:
        file["X"][:] = resampled(file["X"][:], 1, 2)
        file.attrs.clear()
    return path


def test_a_file_of_8_samples_passes(tmp_path: Path):
    write_dataset(tmp_path / "right.h5", 2, seed=2)
    check_symbol_rate(tmp_path / "right.h5")


def test_training_on_another_rate_ends_in_one_message(four_samples: Path, radioml_here: Callable, tmp_path: Path):
    done = radioml_here("train", "record_teacher", "--data", four_samples, "--run", tmp_path / "run")
    assert done.returncode == 2
    assert "have 4 samples a symbol" in done.stderr
    assert "Resample them by 2," in done.stderr
