"""DC offset, frequency offset and sample rate: the receiver's effects are removed, and the signal is unchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deploy.sources.conditioning import Resampler, conditioned, shifted
from deploy.sources.opening import Reading, open_source
from deploy.sources.source import Block, Chunk
from radioml.data.synthetic import generate_cell
from radioml.errors import RadioMLError
from tests.radioml.data.small_files import noise

LENGTH = 20_000


def tone(frequency: float, length: int = LENGTH) -> np.ndarray:
    """A complex tone, cycles a sample, as float32 (length, 2)."""
    return np.exp(2j * np.pi * frequency * np.arange(length)).astype(np.complex64).view(np.float32).reshape(-1, 2)


def resampled(samples: np.ndarray, ratio: float, pieces: int = LENGTH) -> np.ndarray:
    resampler = Resampler(1e6, ratio * 1e6 / 8)
    chunks = [Chunk(samples[at : at + pieces], 100 + at, at == 0) for at in range(0, len(samples), pieces)]
    found = list(resampler(chunks))
    assert sum(len(chunk.samples) for chunk in found) == resampler.length(len(samples))
    assert [chunk.fresh for chunk in found] == [True] + [False] * (len(found) - 1)
    given = 0
    for chunk in found:
        assert chunk.start == 100 + round(given / ratio)
        given += len(chunk.samples)
    return np.concatenate([chunk.samples for chunk in found])


def as_complex(samples: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(samples).view(np.complex64)[:, 0]


@pytest.mark.parametrize(
    ("ratio", "frequency"), [(0.4, 0.15), (4, 0.35), (8 / 3, -0.35), (0.013, 0.004), (0.7345678, 0.25)]
)
def test_a_tone_stays_a_tone_of_the_same_frequency_in_hz(ratio: float, frequency: float):
    found = as_complex(resampled(tone(frequency), ratio))
    ideal = np.exp(2j * np.pi * frequency * np.arange(len(found)) / ratio)
    middle = slice(len(found) // 5, -(len(found) // 5))
    assert abs(found[middle] - ideal[middle]).max() < 1e-3, "-60 dB; measured: -84 dB and better"


@pytest.mark.parametrize(("ratio", "frequency"), [(0.4, 0.21), (0.4, 0.45), (0.1, 0.06)])
def test_what_the_new_rate_cannot_hold_is_gone(ratio: float, frequency: float):
    found = as_complex(resampled(tone(frequency), ratio))
    middle = slice(len(found) // 5, -(len(found) // 5))
    assert abs(found[middle]).max() < 1e-3


def test_it_agrees_with_scipy_on_noise_of_half_the_band():
    from scipy.signal import resample_poly

    samples = tone(0.1) + tone(-0.07) * np.float32(0.5)
    for ratio, up, down in ((2.0, 2, 1), (0.5, 1, 2), (1.5, 3, 2)):
        found = as_complex(resampled(samples, ratio))
        library = resample_poly(as_complex(samples), up, down, window=("kaiser", 8.0))
        middle = slice(2000, min(len(found), len(library)) - 2000)
        assert abs(found[middle] - library[middle]).max() < 0.01


@pytest.mark.parametrize("pieces", [1, 7, 777, 5000])
@pytest.mark.parametrize("ratio", [0.37, 1, 2.5])
def test_pieces_make_no_difference(ratio: float, pieces: int):
    samples = noise(2).reshape(-1, 2)
    assert np.allclose(resampled(samples, ratio, pieces), resampled(samples, ratio), atol=1e-5)


def test_samples_that_do_not_follow_each_other_do_not_run_into_each_other():
    resampler = Resampler(1e6, 1e6 / 16)
    samples = noise(4).reshape(-1, 2)
    chunks = [Chunk(samples[:2000], 0, True), Chunk(samples[2000:], 9000, True)]
    found = list(resampler(chunks))
    assert [chunk.start for chunk in found if chunk.fresh] == [0, 9000]
    alone = np.concatenate([chunk.samples for chunk in resampler([chunks[1]])])
    assert np.array_equal(np.concatenate([c.samples for c in found])[-len(alone) :], alone)


def test_rates_that_are_too_far_apart_are_refused():
    with pytest.raises(RadioMLError, match="1e\\+06 samples a symbol, which cannot be resampled to 8"):
        Resampler(1e6, 1)


@pytest.mark.parametrize("pieces", [LENGTH, 999])
def test_an_offset_is_moved_to_the_centre(pieces: int):
    chunks = [Chunk(tone(0.1)[at : at + pieces], at) for at in range(0, LENGTH, pieces)]
    found = np.concatenate([chunk.samples for chunk in shifted(chunks, 250_000, 2.5e6)])
    assert np.allclose(as_complex(found), 1, atol=1e-4)


def test_a_signal_at_another_rate_and_frequency_becomes_radioml_frames(tmp_path: Path):
    """QPSK with 8 samples a symbol, brought to 20 a symbol and 30 kHz up; and back."""
    from scipy.signal import resample_poly

    frame = as_complex(generate_cell(np.random.default_rng(1), 1, "QPSK", 30)[0])
    wide = resample_poly(np.concatenate([frame] * 3), 5, 2)
    time = np.arange(len(wide)) / 192_000
    (wide * np.exp(2j * np.pi * 30_000 * time)).astype(np.complex64).tofile(tmp_path / "x.cf32")
    reading = Reading(sample_rate=192_000, offset_hz=30_000, symbol_rate=9_600)
    source = open_source(str(tmp_path / "x.cf32"), reading)
    blocks = list(source.blocks)
    found = np.concatenate([block.iq for block in blocks])
    assert source.frames == len(found) == 3
    assert np.concatenate([block.tags["sample"] for block in blocks]).tolist() == [0, 2560, 5120], "of the recording"
    middle = as_complex(found[1])
    assert abs(np.vdot(middle, frame)) / np.linalg.norm(middle) / np.linalg.norm(frame) > 0.995


def test_a_dc_offset_is_removed_and_a_turning_carrier_stays():
    frames = noise(200) * np.float32(0.01) + np.array([0.3, -0.1], np.float32)
    (block,) = conditioned([Block(frames)], normalise=True, dc_block=True)
    assert abs(block.iq.mean(1)).max() < 0.2 and (abs(block.iq) > 2).mean() < 0.01
    assert np.allclose(block.tags["level"], 0.01, rtol=0.05)
    (block,) = conditioned([Block(frames)], normalise=True, dc_block=False)
    assert (abs(block.iq) > 2).mean() > 0.9, "what it is good for"
    phases = np.exp(2j * np.pi * np.random.default_rng(0).random(200)).astype(np.complex64)
    carriers = noise(200) * np.float32(0.1) + phases.view(np.float32).reshape(-1, 1, 2)
    (block,) = conditioned([Block(carriers)], normalise=False, dc_block=True)
    assert np.median(abs(as_complex(block.iq.mean(1)))[64:]) > 0.8


@pytest.mark.parametrize("sizes", [[1] * 150, [149, 1], [64, 64, 22]])
def test_blocks_of_any_size_lose_the_same_dc_offset(sizes: list[int]):
    frames = noise(150) + np.linspace(0, 1, 150, dtype=np.float32)[:, None, None]
    (whole,) = conditioned([Block(frames)], normalise=False, dc_block=True)
    parts = np.split(frames, np.cumsum(sizes)[:-1])
    found = np.concatenate([block.iq for block in conditioned(map(Block, parts), False, True)])
    assert np.allclose(found, whole.iq, atol=1e-5)
