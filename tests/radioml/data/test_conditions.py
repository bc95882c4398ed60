"""The generator's presets: each changes the frames as described, and the nominal one changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from radioml.constants import CLASSES
from radioml.contract.training_data import TrainingData
from radioml.data.conditions import CALIBRATED, PRESETS, Conditions, preset
from radioml.data.provenance import Origin, origin, seen_in_training
from radioml.data.synthetic import generate_cell, write_dataset
from radioml.errors import RadioMLError


def cell(name: str, conditions: Conditions, count: int = 8, snr_db: int = 100) -> np.ndarray:
    """Frames with negligible noise, complex (count, 1024)."""
    frames = generate_cell(np.random.default_rng(3), count, name, snr_db, conditions)
    return frames[..., 0] + 1j * frames[..., 1]


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("kind", ["OQPSK", "128APSK", "AM-DSB-SC", "AM-SSB-WC", "FM", "GMSK"])
def test_every_preset_makes_finite_frames_of_every_kind(name: str, kind: str):
    frames = generate_cell(np.random.default_rng(1), 17, kind, 10, preset(name))
    assert frames.shape == (17, 1024, 2) and frames.dtype == np.float32 and np.isfinite(frames).all()
    assert (name == "nominal") == (frames.tobytes() == generate_cell(np.random.default_rng(1), 17, kind, 10).tobytes())


def test_offset_turns_the_carrier_by_its_exact_amount():
    turn = np.unwrap(np.angle(cell("QPSK", Conditions(offset=1e-3, exact=True)) * cell("QPSK", CALIBRATED).conj()))
    slope = (turn[:, -100:].mean(1) - turn[:, :100].mean(1)) / 924 / (2 * np.pi)
    np.testing.assert_allclose(np.abs(slope), 1e-3, rtol=0.01)
    assert len(set(np.sign(slope))) == 2


def test_gain_is_exact_and_of_either_sign():
    ratio = np.abs(cell("GMSK", Conditions(gain_db=0.5, exact=True)) / cell("GMSK", CALIBRATED)).mean(1)
    np.testing.assert_allclose(np.abs(20 * np.log10(ratio)), 0.5, rtol=1e-3)
    assert len(set(np.sign(np.log(ratio)))) == 2


def test_drift_moves_the_ends_against_each_other_and_leaves_the_middle():
    """GMSK's carrier at -fs/32 tells the time: its phase moves by 2 pi / 32 a sample."""
    frames, moved = cell("GMSK", CALIBRATED), cell("GMSK", Conditions(drift=3, exact=True))
    middle = slice(508, 516)
    assert np.abs(frames[:, middle] / moved[:, middle] - 1).max() < 0.05
    slow = Conditions(drift=3)  # FM has almost one frequency, fs / 32
    turn = np.unwrap(np.angle(cell("FM", Conditions(drift=3, exact=True)) * cell("FM", CALIBRATED).conj()))
    samples = (turn[:, -1] - turn[:, 0]) / (2 * np.pi / 32)
    np.testing.assert_allclose(np.abs(samples), 3, rtol=0.1)
    assert not np.array_equal(cell("FM", slow), cell("FM", CALIBRATED))


def test_noise_stays_white_under_drift():
    frames = generate_cell(np.random.default_rng(1), 32, "BPSK", -20, preset("drift_1"))
    spectrum = (np.abs(np.fft.fft(frames[..., 0] + 1j * frames[..., 1])) ** 2).mean(0)
    assert spectrum[448:576].mean() == pytest.approx(spectrum.mean(), rel=0.02)


def test_dc_and_echo_and_rings_and_roll_off():
    assert np.abs(cell("BPSK", Conditions(dc=0.3)).mean(1) - cell("BPSK", CALIBRATED).mean(1)).max() > 0.1
    assert not np.allclose(cell("BPSK", Conditions(echo=0.3)), cell("BPSK", CALIBRATED), atol=0.05)
    assert not np.allclose(cell("16APSK", Conditions(spread=0.1)), cell("16APSK", CALIBRATED), atol=0.02)
    np.testing.assert_allclose(cell("16QAM", Conditions(spread=0.1)), cell("16QAM", CALIBRATED), atol=1e-4)
    wide = np.abs(np.fft.fft(cell("QPSK", Conditions(roll_off=(0.8, 0.8)), 32))) ** 2
    narrow = np.abs(np.fft.fft(cell("QPSK", Conditions(roll_off=(0.1, 0.1)), 32))) ** 2
    edge = slice(75, 100)  # above half the symbol rate, which is bin 64
    assert wide[:, edge].mean() > 3 * narrow[:, edge].mean()


def test_a_file_says_which_preset_made_it(tmp_path: Path):
    write_dataset(tmp_path / "a.h5", 1, seed=5, conditions="impaired")
    write_dataset(tmp_path / "b.h5", 1, seed=5)
    assert origin(tmp_path / "a.h5").identity == "generator 1, preset impaired, seed 5, 1 frames per cell"
    assert origin(tmp_path / "b.h5").identity == "generator 1, seed 5, 1 frames per cell"
    trained = TrainingData("synthetic", "generator 1, seed 5, 800 frames per cell")
    assert "may share frames" in str(seen_in_training(trained, origin(tmp_path / "a.h5"), "test"))
    other = Origin("synthetic", "generator 1, preset impaired, seed 6, 1 frames per cell")
    assert seen_in_training(trained, other, "all") is None


def test_an_unknown_preset_is_named(tmp_path: Path):
    with pytest.raises(RadioMLError, match=r"unknown preset 'moon'.*nominal, impaired"):
        write_dataset(tmp_path / "a.h5", 1, seed=1, conditions="moon")
    assert not list(tmp_path.iterdir())


def test_every_class_has_frames_under_widened_conditions():
    for name in CLASSES:
        assert np.isfinite(generate_cell(np.random.default_rng(2), 2, name, 0, preset("widened"))).all()
