"""Synthetic RadioML frames: a calibrated stand-in for the 20 GB data set that needs a registration.

The parameters in `synthesis_parameters.json` were fitted so that networks trained on the real set score on synthetic
frames as they do on real ones. That is necessary, not sufficient: figures from these frames are labelled synthetic.

Model, in samples (fs = 1), 8 samples a symbol:
  linear modulations: symbols through a pulse of spectrum |RRC|^3 = RC^1.5, random roll-off, timing, phase and a small
  carrier offset; OQPSK delays Q by half a symbol; GMSK, FM and AM from their definitions.
  noise: white, complex; its standard deviation is mean|s| x 10^(-label / 10), so the true SNR is twice the label.
  each frame is divided by the standard deviation of signal plus noise; its mean is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from radioml.constants import CLASSES, FRAME_LENGTH, SNRS_DB
from radioml.dataset import CELLS, Frames, cell_labels, spread_cells
from radioml.files import replacing

GENERATOR_VERSION = 1
"""Raised whenever the same seed gives other frames."""
SAMPLES_PER_SYMBOL = 8
_GUARD = 64
_LENGTH = FRAME_LENGTH + 2 * _GUARD  # generated as one period; the guard keeps the wrap-around out of the frame
_ANALOGUE = ("AM-SSB-WC", "AM-SSB-SC", "AM-DSB-WC", "AM-DSB-SC", "FM")


@cache
def _synthesis() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Parameters, and constellations as complex64 points of mean amplitude 1."""
    text = files("radioml").joinpath("synthesis_parameters.json").read_text(encoding="utf-8")
    value = json.loads(text)
    points = {name: np.array(p, np.float32).view(np.complex64)[:, 0] for name, p in value["constellations"].items()}
    return value["parameters"], {name: p / np.abs(p).mean() for name, p in points.items()}


def _linear(rng: np.random.Generator, symbols: np.ndarray, q_delay: int = 0) -> np.ndarray:
    """Shape symbols (N, _LENGTH / 8) with RC^1.5 pulses of random roll-off and timing; complex64 (N, _LENGTH)."""
    parameters, _ = _synthesis()
    count, length = symbols.shape
    bins = np.fft.fftfreq(_LENGTH, 1 / _LENGTH).astype(np.int64)
    bins = np.sort(bins[np.abs(bins) < length * (1 + parameters["alpha"][1]) / 2])
    frequency = np.abs(bins / length).astype(np.float32)  # cycles a symbol
    alpha = rng.uniform(*parameters["alpha"], (count, 1)).astype(np.float32)
    ramp = np.clip((frequency - (1 - alpha) / 2) / alpha, 0, 1)
    pulse = np.power(0.5 + 0.5 * np.cos(np.float32(np.pi) * ramp), np.float32(parameters["pulse_power"] / 2))
    timing = rng.random((count, 1), np.float32)
    shift = np.exp(np.complex64(2j * np.pi) * timing * (bins / length).astype(np.float32))

    def shape(values: np.ndarray, delay: int) -> np.ndarray:
        spectrum = np.zeros((count, _LENGTH), np.complex64)
        spectrum[:, bins] = np.fft.fft(values)[:, bins % length] * pulse * shift
        if delay:
            spectrum[:, bins] *= np.exp(-2j * np.pi * delay * bins / _LENGTH).astype(np.complex64)
        return np.fft.ifft(spectrum).astype(np.complex64) * np.float32(SAMPLES_PER_SYMBOL)

    if not q_delay:
        return shape(symbols, 0)
    return shape(symbols.real, 0).real + 1j * shape(symbols.imag, q_delay).real


def _digital(rng: np.random.Generator, count: int, name: str) -> np.ndarray:
    """Linear modulation `name`."""
    parameters, constellations = _synthesis()
    points = constellations[name]
    symbols = points[rng.integers(len(points), size=(count, _LENGTH // SAMPLES_PER_SYMBOL))]
    return _linear(rng, symbols, parameters[name]["offset"] if name == "OQPSK" else 0)


def _gmsk(rng: np.random.Generator, count: int) -> np.ndarray:
    """GMSK around its own centre frequency, by its definition: Gaussian-filtered phase steps, integrated."""
    p = _synthesis()[0]["GMSK"]
    sps = p["sps"]
    bits = rng.integers(2, size=(count, _LENGTH // sps + 1)).astype(np.float32) * 2 - 1
    steps = np.repeat(bits, sps, axis=1)
    offset = rng.integers(sps, size=(count, 1))
    steps = np.take_along_axis(steps, offset + np.arange(_LENGTH), axis=1)
    frequency = np.fft.rfftfreq(_LENGTH)
    gauss = np.exp(-np.log(2) / 2 * (frequency * sps / p["bt"]) ** 2).astype(np.float32)  # half power at BT
    steps = np.fft.irfft(np.fft.rfft(steps) * gauss, _LENGTH)
    phase = np.pi * p["h"] / sps * np.cumsum(steps, axis=1) + 2 * np.pi * p["f"] * np.arange(_LENGTH)
    return np.exp(1j * phase).astype(np.complex64)


def _audio(rng: np.random.Generator, count: int, bandwidth: float) -> np.ndarray:
    """Flat Gaussian noise of standard deviation 1 up to `bandwidth` (cycles/sample), float32 (N, _LENGTH)."""
    bins = max(1, round(bandwidth * _LENGTH))
    spectrum = np.zeros((count, _LENGTH // 2 + 1), np.complex64)
    spectrum[:, 1 : bins + 1] = rng.standard_normal((count, bins, 2), np.float32).view(np.complex64)[..., 0]
    return np.fft.irfft(spectrum, _LENGTH).astype(np.float32) * np.float32(_LENGTH / 2 / np.sqrt(bins))


def _analogue(rng: np.random.Generator, count: int, name: str) -> np.ndarray:
    """AM-SSB, AM-DSB and FM as found in the data set: a carrier at fs / 32, faint audio."""
    p = _synthesis()[0][name]
    time = np.arange(_LENGTH, dtype=np.float32)
    carrier = 2 * np.pi * (p["f"] * time + rng.random((count, 1)))
    audio = _audio(rng, count, p["bw"])
    if name == "FM":
        return np.exp(1j * (carrier + 2 * np.pi * p["dev"] * np.cumsum(audio, axis=1))).astype(np.complex64)
    if name.startswith("AM-SSB"):
        constant = rng.normal(p["A"], p["A_sd"], (count, 1))
        return (constant + (1 + p["mi"] * audio) * np.cos(carrier)).astype(np.complex64)
    depth = p["mi"] * np.exp(rng.normal(0, p["mi_sd"], (count, 1)))
    return ((1 + depth * audio) * np.cos(carrier)).astype(np.complex64)


def _generator(name: str) -> Callable[[np.random.Generator, int], np.ndarray]:
    if name in _ANALOGUE:
        return lambda rng, count: _analogue(rng, count, name)
    if name == "GMSK":
        return _gmsk
    return lambda rng, count: _digital(rng, count, name)


def generate_cell(rng: np.random.Generator, count: int, name: str, snr_db: int) -> np.ndarray:
    """`count` frames of class `name` at the SNR label `snr_db`, float32 (count, 1024, 2)."""
    parameters, _ = _synthesis()
    signal = _generator(name)(rng, count)[:, _GUARD : _GUARD + FRAME_LENGTH]
    turn = rng.random((count, 1)) + rng.normal(0, parameters["cfo_sigma"], (count, 1)) * np.arange(FRAME_LENGTH)
    signal *= np.exp(2j * np.pi * turn).astype(np.complex64)
    noise = rng.standard_normal((count, FRAME_LENGTH, 2), np.float32)
    amplitude = 10 ** (-snr_db * parameters["snr_mul"] / 20) / np.sqrt(2)  # of each of I and Q
    noise *= np.abs(signal).mean(1)[:, None, None] * np.float32(amplitude)
    noise += signal.view(np.float32).reshape(count, FRAME_LENGTH, 2)
    noise /= np.sqrt(noise.var(1, keepdims=True).sum(2, keepdims=True))
    return noise


def generate_spread(count: int, seed: int) -> Frames:
    """`count` frames spread as evenly as possible over all classes and SNRs (see `radioml.dataset.spread_cells`)."""
    class_index, snr_index = spread_cells(count)
    iq = np.empty((count, FRAME_LENGTH, 2), np.float32)
    for k, (c, s) in enumerate(zip(class_index, snr_index, strict=True)):
        iq[k] = generate_cell(np.random.default_rng([seed, k]), 1, CLASSES[c], SNRS_DB[s])[0]
    return Frames(iq, class_index, np.asarray(SNRS_DB, dtype=np.int64)[snr_index])


def _cell_block(job: tuple[int, int, int, int]) -> np.ndarray:
    """One block of one cell; its random stream depends on nothing but the job."""
    seed, cell, block, count = job
    rng = np.random.default_rng([seed, cell, block])
    return generate_cell(rng, count, CLASSES[cell // len(SNRS_DB)], SNRS_DB[cell % len(SNRS_DB)])


def _blocks(seed: int, frames_per_cell: int, size: int = 256) -> Iterator[tuple[int, int, int, int]]:
    for cell in range(CELLS):
        for block, start in enumerate(range(0, frames_per_cell, size)):
            yield seed, cell, block, min(size, frames_per_cell - start)


def write_dataset(
    path: Path | str,
    frames_per_cell: int,
    seed: int,
    processes: int = 1,
    progress: Callable[[int], object] = lambda frames: None,
) -> None:
    """Write a file in the layout of RadioML 2018.01A with `frames_per_cell` frames of each class at each SNR.

    The content depends on `frames_per_cell` and `seed` alone, not on `processes`. `progress` is called with the number
    of frames just written. The file appears under its name when it is complete.
    """
    import h5py

    total = CELLS * frames_per_cell
    class_index, snr_db = cell_labels(np.arange(total), frames_per_cell)
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["generator"] = "radioml synthetic"
        file.attrs["generator_version"] = GENERATOR_VERSION
        file.attrs["seed"] = seed
        frames = file.create_dataset("X", (total, FRAME_LENGTH, 2), np.float32)
        file["Y"] = (class_index[:, None] == np.arange(len(CLASSES))).astype(np.int64)
        file["Z"] = snr_db[:, None]
        # spawn: a fork of a process that holds torch's or h5py's threads can hang
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            at = 0
            for block in pool.map(_cell_block, _blocks(seed, frames_per_cell), chunksize=4):
                frames[at : at + len(block)] = block
                at += len(block)
                progress(len(block))
