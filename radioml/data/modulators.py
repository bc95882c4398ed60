"""The noise-free signals of the synthetic frames: linear modulations, GMSK, and analogue ones.

A modulation draws its random parts at once, and computes the frames a slice at a time. `radioml.data.synthetic` has the
model.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from radioml.constants import FRAME_LENGTH
from radioml.data.conditions import Conditions

SAMPLES_PER_SYMBOL = 8
_GUARD = 64
_LENGTH = FRAME_LENGTH + 2 * _GUARD  # generated as one period; the guard keeps the wrap-around out of the frame
FRAME = slice(_GUARD, _GUARD + FRAME_LENGTH)
"""Where the frame is in the period."""
_ANALOGUE = ("AM-SSB-WC", "AM-SSB-SC", "AM-DSB-WC", "AM-DSB-SC", "FM")
Signals = Callable[[slice], np.ndarray]
"""Computes a slice of the noise-free frames whose random parts were drawn: complex64 (N, length of the window)."""


@cache
def synthesis() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Parameters, and constellations as complex64 points of mean amplitude 1."""
    text = files("radioml.data").joinpath("synthesis_parameters.json").read_text(encoding="utf-8")
    value = json.loads(text)
    points = {name: np.array(p, np.float32).view(np.complex64)[:, 0] for name, p in value["constellations"].items()}
    return value["parameters"], {name: p / np.abs(p).mean() for name, p in points.items()}


def phasor(angle: np.ndarray) -> np.ndarray:
    """exp(j angle) of float64 radians, complex64; np.exp gives the same bits at twice the price."""
    value = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=value.real, casting="same_kind")
    np.sin(angle, out=value.imag, casting="same_kind")
    return value


def _pulse(alpha: np.ndarray, frequency: np.ndarray, largest: float) -> np.ndarray:
    """Spectrum RC^(pulse_power / 2) for roll-offs (N, 1) up to `largest` at ascending cycles a symbol (F,).

    float32 (N, F).
    """
    parameters, _ = synthesis()
    value = np.ones((len(alpha), len(frequency)), np.float32)
    slope = np.searchsorted(frequency, (1 - largest) / 2)  # flat before it at every roll-off
    ramp = frequency[slope:] - (1 - alpha) / 2
    ramp /= alpha
    np.clip(ramp, 0, 1, out=ramp)
    ramp *= np.float32(np.pi)
    np.cos(ramp, out=ramp)
    ramp *= np.float32(0.5)
    ramp += np.float32(0.5)
    np.power(ramp, np.float32(parameters["pulse_power"] / 2), out=value[:, slope:])
    return value


def _shaped(symbols: np.ndarray, pulse: np.ndarray, shift: np.ndarray, delay: float, window: slice) -> np.ndarray:
    """Symbols (N, _LENGTH / 8) as a signal, complex64 (N, length of the window), `delay` samples late.

    pulse, shift: the pulse's real spectrum and the time shift's complex one at the frequencies 0, 1 ... F - 1, (N, F).
    The pulse is even; the shift of a negative frequency is the conjugate.
    """
    bins = np.arange(pulse.shape[1])
    late = np.exp(-2j * np.pi * delay * bins / _LENGTH).astype(np.complex64)
    spectrum = np.zeros((len(symbols), _LENGTH), np.complex64)
    symbol_spectrum = np.fft.fft(symbols)
    for half, factors in (
        (slice(len(bins)), (pulse, shift, late)),
        (slice(1 - len(bins), None), (pulse[:, :0:-1], shift[:, :0:-1].conj(), late[:0:-1].conj())),
    ):
        part = spectrum[:, half]
        np.multiply(symbol_spectrum[:, half], factors[0], out=part, casting="same_kind")
        part *= factors[1]
        if delay:
            part *= factors[2]
    return np.fft.ifft(spectrum)[:, window].astype(np.complex64, copy=False)


def _ring_factors(rng: np.random.Generator, count: int, points: np.ndarray, spread: float) -> np.ndarray:
    """For each of `count` frames a factor of each point, the same on one ring of the constellation; float32."""
    rings = np.unique(np.abs(points).round(3), return_inverse=True)[1]
    return rng.uniform(1 - spread, 1 + spread, (count, rings.max() + 1)).astype(np.float32)[:, rings]


def _digital(rng: np.random.Generator, count: int, name: str, conditions: Conditions, window: slice) -> Signals:
    """Linear modulation `name`: RC^1.5 pulses of random roll-off and timing."""
    parameters, constellations = synthesis()
    points = constellations[name] * np.float32(SAMPLES_PER_SYMBOL)
    length = _LENGTH // SAMPLES_PER_SYMBOL
    smallest, largest = conditions.roll_off or parameters["alpha"]
    symbols = rng.integers(len(points), size=(count, length))
    alpha = rng.uniform(smallest, largest, (count, 1)).astype(np.float32)
    timing = np.complex64(2j * np.pi) * rng.random((count, 1), np.float32)
    rings = _ring_factors(rng, count, points, conditions.spread) if conditions.spread and "APSK" in name else None
    bins = np.arange(np.ceil(length * (1 + largest) / 2))
    frequency = (bins / length).astype(np.float32)  # cycles a symbol

    def signals(part: slice) -> np.ndarray:
        values, shift = points[symbols[part]], np.exp(timing[part] * frequency)
        if rings is not None:
            values = values * np.take_along_axis(rings[part], symbols[part], axis=1)
        pulse = _pulse(alpha[part], frequency, largest)
        if name != "OQPSK":
            return _shaped(values, pulse, shift, 0, window)
        in_phase = _shaped(values.real, pulse, shift, 0, window)
        in_phase.imag = _shaped(values.imag, pulse, shift, parameters[name]["offset"], window).real
        return in_phase

    return signals


def _gmsk(rng: np.random.Generator, count: int, window: slice) -> Signals:
    """GMSK around its own centre frequency, by its definition: Gaussian-filtered phase steps, integrated."""
    p = synthesis()[0]["GMSK"]
    sps = p["sps"]
    bits = rng.integers(2, size=(count, _LENGTH // sps + 1)).astype(np.float32) * 2 - 1
    offset = rng.integers(sps, size=count)
    frequency = np.fft.rfftfreq(_LENGTH)
    gauss = np.exp(-np.log(2) / 2 * (frequency * sps / p["bt"]) ** 2).astype(np.float32)  # half power at BT
    carrier = 2 * np.pi * p["f"] * np.arange(_LENGTH)[window]

    def signals(part: slice) -> np.ndarray:
        periods = sliding_window_view(np.repeat(bits[part], sps, axis=1), _LENGTH, axis=1)
        bits_in_time = periods[np.arange(len(periods)), offset[part]]
        steps = np.fft.irfft(np.fft.rfft(bits_in_time) * gauss, _LENGTH)
        return phasor(np.pi * p["h"] / sps * np.cumsum(steps, axis=1)[:, window] + carrier)

    return signals


def _audio(spectrum_lines: np.ndarray) -> np.ndarray:
    """Flat noise of standard deviation 1 from complex64 lines (N, bins) of deviation sqrt(2), float32 (N, _LENGTH)."""
    count, bins = spectrum_lines.shape
    spectrum = np.zeros((count, _LENGTH // 2 + 1), np.complex64)
    spectrum[:, 1 : bins + 1] = spectrum_lines
    return np.fft.irfft(spectrum, _LENGTH).astype(np.float32, copy=False) * np.float32(_LENGTH / 2 / np.sqrt(bins))


def _analogue(rng: np.random.Generator, count: int, name: str, conditions: Conditions, window: slice) -> Signals:
    """AM-SSB, AM-DSB and FM as found in the data set: a carrier at fs / 32, faint audio up to a bandwidth."""
    p = synthesis()[0][name]
    turns, start = p["f"] * np.arange(_LENGTH, dtype=np.float32)[window], rng.random((count, 1))
    bins = max(1, round(p["bw"] * _LENGTH))
    lines = rng.standard_normal((count, bins, 2), np.float32).view(np.complex64)[..., 0]
    if name == "FM":

        def modulated(part: slice) -> np.ndarray:
            swing = 2 * np.pi * p["dev"] * np.cumsum(_audio(lines[part]), axis=1)[:, window]
            return phasor(2 * np.pi * (turns + start[part]) + swing)

        return modulated
    constant: np.ndarray = np.zeros((count, 1))
    depth: np.ndarray = np.full((count, 1), p["mi"], np.float32)
    if name.startswith("AM-SSB"):
        constant = rng.normal(p["A"], p["A_sd"], (count, 1))
    else:
        depth = p["mi"] * np.exp(rng.normal(0, p["mi_sd"], (count, 1)))
    if conditions.spread:
        depth = depth * rng.uniform(1 - conditions.spread, 1 + conditions.spread, (count, 1))

    def signals(part: slice) -> np.ndarray:
        envelope = 1 + depth[part] * _audio(lines[part])[:, window]
        return (constant[part] + envelope * np.cos(2 * np.pi * (turns + start[part]))).astype(np.complex64)

    return signals


def draw_signals(rng: np.random.Generator, count: int, name: str, conditions: Conditions, window: slice) -> Signals:
    """Draw all that is random in `count` noise-free frames of class `name`."""
    if name in _ANALOGUE:
        return _analogue(rng, count, name, conditions, window)
    return _gmsk(rng, count, window) if name == "GMSK" else _digital(rng, count, name, conditions, window)
