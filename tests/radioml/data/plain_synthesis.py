"""The synthetic generator by its formulas, all frames of a cell at once; the fast generator must equal this one.

This generator is slow. It has not changed since the shipped network was trained, and defines `GENERATOR_VERSION` 1.
"""

from __future__ import annotations

import numpy as np

from radioml.constants import FRAME_LENGTH
from radioml.data.modulators import SAMPLES_PER_SYMBOL, synthesis

_GUARD = 64
_LENGTH = FRAME_LENGTH + 2 * _GUARD
_ANALOGUE = ("AM-SSB-WC", "AM-SSB-SC", "AM-DSB-WC", "AM-DSB-SC", "FM")


def _linear(rng: np.random.Generator, symbols: np.ndarray, q_delay: int = 0) -> np.ndarray:
    """Shape symbols (N, _LENGTH / 8) with RC^1.5 pulses of random roll-off and timing; complex64 (N, _LENGTH)."""
    parameters, _ = synthesis()
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
    parameters, constellations = synthesis()
    points = constellations[name]
    symbols = points[rng.integers(len(points), size=(count, _LENGTH // SAMPLES_PER_SYMBOL))]
    return _linear(rng, symbols, parameters[name]["offset"] if name == "OQPSK" else 0)


def _gmsk(rng: np.random.Generator, count: int) -> np.ndarray:
    """GMSK around its own centre frequency, by its definition: Gaussian-filtered phase steps, integrated."""
    p = synthesis()[0]["GMSK"]
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
    p = synthesis()[0][name]
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


def plain_cell(rng: np.random.Generator, count: int, name: str, snr_db: int) -> np.ndarray:
    """`count` frames of class `name` at the SNR label `snr_db`, float32 (count, 1024, 2)."""
    parameters, _ = synthesis()
    if name in _ANALOGUE:
        signal = _analogue(rng, count, name)
    else:
        signal = _gmsk(rng, count) if name == "GMSK" else _digital(rng, count, name)
    signal = signal[:, _GUARD : _GUARD + FRAME_LENGTH]
    turn = rng.random((count, 1)) + rng.normal(0, parameters["cfo_sigma"], (count, 1)) * np.arange(FRAME_LENGTH)
    signal *= np.exp(2j * np.pi * turn).astype(np.complex64)
    noise = rng.standard_normal((count, FRAME_LENGTH, 2), np.float32)
    amplitude = 10 ** (-snr_db * parameters["snr_mul"] / 20) / np.sqrt(2)  # of each of I and Q
    noise *= np.abs(signal).mean(1)[:, None, None] * np.float32(amplitude)
    noise += signal.view(np.float32).reshape(count, FRAME_LENGTH, 2)
    noise /= np.sqrt(noise.var(1, keepdims=True).sum(2, keepdims=True))
    return noise
