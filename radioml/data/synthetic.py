"""Synthetic RadioML frames: a calibrated stand-in for the 20 GB data set that needs a registration.

The parameters in `synthesis_parameters.json` were fitted so that networks trained on the real set score on synthetic
frames as they do on real ones. That is necessary, not sufficient: figures from these frames are labelled synthetic.

Model, in samples (fs = 1), 8 samples a symbol:
  linear modulations: symbols through a pulse of spectrum |RRC|^3 = RC^1.5, random roll-off, timing, phase and a small
  carrier offset; OQPSK delays Q by half a symbol; GMSK, FM and AM from their definitions.
  noise: white, complex; its standard deviation is mean|s| x 10^(-label / 10), so the true SNR is twice the label.
  each frame is divided by the standard deviation of signal plus noise; its mean is kept.
  `radioml.data.conditions` has what deviates from this where a preset other than the nominal one is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from radioml.constants import CLASSES, FRAME_LENGTH, SNRS_DB
from radioml.data.conditions import CALIBRATED, NOMINAL, Conditions, preset
from radioml.data.dataset import Frames, spread_cells
from radioml.data.layout import CELLS, Layout
from radioml.data.provenance import SYNTHETIC_ATTRIBUTES, SYNTHETIC_MARK
from radioml.data.reception import MARGIN, Reception
from radioml.data.writing import create
from radioml.files import replacing
from radioml.processes import computed

GENERATOR_VERSION = 1
"""Raised whenever the same seed and preset give another file."""
_SPREAD = 2**32 - 1  # in the place of a block's number: frames of `generate_spread` are in no file of the same seed
SAMPLES_PER_SYMBOL = 8
_GUARD = 64
_LENGTH = FRAME_LENGTH + 2 * _GUARD  # generated as one period; the guard keeps the wrap-around out of the frame
_FRAME = slice(_GUARD, _GUARD + FRAME_LENGTH)
_CACHED_FRAMES = 16  # worked on at a time: all their arrays stay in a core's cache
_ANALOGUE = ("AM-SSB-WC", "AM-SSB-SC", "AM-DSB-WC", "AM-DSB-SC", "FM")
Signals = Callable[[slice], np.ndarray]
"""Computes a slice of the noise-free frames whose random parts were drawn: complex64 (N, length of the window)."""


@cache
def _synthesis() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Parameters, and constellations as complex64 points of mean amplitude 1."""
    text = files("radioml.data").joinpath("synthesis_parameters.json").read_text(encoding="utf-8")
    value = json.loads(text)
    points = {name: np.array(p, np.float32).view(np.complex64)[:, 0] for name, p in value["constellations"].items()}
    return value["parameters"], {name: p / np.abs(p).mean() for name, p in points.items()}


def _phasor(angle: np.ndarray) -> np.ndarray:
    """exp(j angle) of float64 radians, complex64; np.exp gives the same bits at twice the price."""
    value = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=value.real, casting="same_kind")
    np.sin(angle, out=value.imag, casting="same_kind")
    return value


def _pulse(alpha: np.ndarray, frequency: np.ndarray, largest: float) -> np.ndarray:
    """Spectrum RC^(pulse_power / 2) for roll-offs (N, 1) up to `largest` at ascending cycles a symbol (F,).

    float32 (N, F).
    """
    parameters, _ = _synthesis()
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
    parameters, constellations = _synthesis()
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
    p = _synthesis()[0]["GMSK"]
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
        return _phasor(np.pi * p["h"] / sps * np.cumsum(steps, axis=1)[:, window] + carrier)

    return signals


def _audio(spectrum_lines: np.ndarray) -> np.ndarray:
    """Flat noise of standard deviation 1 from complex64 lines (N, bins) of deviation sqrt(2), float32 (N, _LENGTH)."""
    count, bins = spectrum_lines.shape
    spectrum = np.zeros((count, _LENGTH // 2 + 1), np.complex64)
    spectrum[:, 1 : bins + 1] = spectrum_lines
    return np.fft.irfft(spectrum, _LENGTH).astype(np.float32, copy=False) * np.float32(_LENGTH / 2 / np.sqrt(bins))


def _analogue(rng: np.random.Generator, count: int, name: str, conditions: Conditions, window: slice) -> Signals:
    """AM-SSB, AM-DSB and FM as found in the data set: a carrier at fs / 32, faint audio up to a bandwidth."""
    p = _synthesis()[0][name]
    turns, start = p["f"] * np.arange(_LENGTH, dtype=np.float32)[window], rng.random((count, 1))
    bins = max(1, round(p["bw"] * _LENGTH))
    lines = rng.standard_normal((count, bins, 2), np.float32).view(np.complex64)[..., 0]
    if name == "FM":

        def modulated(part: slice) -> np.ndarray:
            swing = 2 * np.pi * p["dev"] * np.cumsum(_audio(lines[part]), axis=1)[:, window]
            return _phasor(2 * np.pi * (turns + start[part]) + swing)

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


def _signals(rng: np.random.Generator, count: int, name: str, conditions: Conditions, window: slice) -> Signals:
    """Draw all that is random in `count` noise-free frames of class `name`."""
    if name in _ANALOGUE:
        return _analogue(rng, count, name, conditions, window)
    return _gmsk(rng, count, window) if name == "GMSK" else _digital(rng, count, name, conditions, window)


def _deviation(frames: np.ndarray) -> np.ndarray:
    """Standard deviation over time of the complex samples of frames (N, 1024, 2), float32 (N, 1)."""
    # Time first: the sums then run over all frames at once, in the same order as `frames.var(1)` adds, 10 times slower.
    samples = frames.view(np.complex64)[..., 0].T.copy().view(np.float32)
    samples -= np.add.reduce(samples, axis=0) / np.float32(FRAME_LENGTH)
    samples *= samples
    variance = np.add.reduce(samples, axis=0) / np.float32(FRAME_LENGTH)
    return np.sqrt(variance.reshape(-1, 2).sum(1, keepdims=True))


def generate_cell(
    rng: np.random.Generator, count: int, name: str, snr_db: int, conditions: Conditions = CALIBRATED
) -> np.ndarray:
    """`count` frames of class `name` at the SNR label `snr_db` under some conditions, float32 (count, 1024, 2)."""
    parameters, _ = _synthesis()
    window = slice(_FRAME.start - MARGIN, _FRAME.stop + MARGIN) if conditions.moves_samples else _FRAME
    signals = _signals(rng, count, name, conditions, window)
    phase, offset = rng.random((count, 1)), rng.normal(0, parameters["cfo_sigma"], (count, 1))
    reception = None
    if conditions != CALIBRATED:  # whose random numbers stay as they are
        reception = Reception(np.random.default_rng(rng.integers(1 << 63)), count, conditions)
        offset += reception.offset
    time = np.arange(FRAME_LENGTH, dtype=np.float64)
    amplitude = np.float32(10 ** (-snr_db * parameters["snr_mul"] / 20) / np.sqrt(2))  # of each of I and Q
    frames = np.empty((count, FRAME_LENGTH, 2), np.float32)
    for start in range(0, count, _CACHED_FRAMES):
        part = slice(start, start + _CACHED_FRAMES)
        signal = signals(part)
        if reception and conditions.moves_samples:
            signal = reception.propagated(signal, part)
        signal *= _phasor(2 * np.pi * (phase[part] + offset[part] * time))
        rng.standard_normal(dtype=np.float32, out=frames[part])
        noise = frames[part].reshape(len(signal), 2 * FRAME_LENGTH)
        noise *= np.abs(signal).mean(1, keepdims=True) * amplitude
        noise += np.ascontiguousarray(signal).view(np.float32)
        noise /= _deviation(frames[part])
    return reception.level(frames) if reception else frames


def generate_spread(count: int, seed: int) -> Frames:
    """`count` frames spread evenly over all classes and SNRs (see `radioml.data.dataset.spread_cells`)."""
    class_index, snr_index = spread_cells(count)
    iq = np.empty((count, FRAME_LENGTH, 2), np.float32)
    for k, (c, s) in enumerate(zip(class_index, snr_index, strict=True)):
        iq[k] = generate_cell(np.random.default_rng([seed, k, _SPREAD]), 1, CLASSES[c], SNRS_DB[s])[0]
    return Frames(iq, class_index, np.asarray(SNRS_DB, dtype=np.int64)[snr_index])


def _cell_block(job: tuple[int, int, int, int, str]) -> np.ndarray:
    """One block of one cell; its random stream depends on nothing but the job."""
    seed, cell, block, count, conditions = job
    rng = np.random.default_rng([seed, cell, block])
    return generate_cell(rng, count, CLASSES[cell // len(SNRS_DB)], SNRS_DB[cell % len(SNRS_DB)], preset(conditions))


def _blocks(
    seed: int, frames_per_cell: int, conditions: str, size: int = 256
) -> Iterator[tuple[int, int, int, int, str]]:
    for cell in range(CELLS):
        for block, start in enumerate(range(0, frames_per_cell, size)):
            yield seed, cell, block, min(size, frames_per_cell - start), conditions


def write_dataset(
    path: Path | str,
    frames_per_cell: int,
    seed: int,
    processes: int = 1,
    progress: Callable[[int], object] = lambda frames: None,
    conditions: str = NOMINAL,
) -> None:
    """Write a file in the layout of RadioML 2018.01A with `frames_per_cell` frames of each class at each SNR.

    conditions: name of a preset of `radioml.data.conditions`.

    The content depends on `frames_per_cell`, `seed` and `conditions` alone, not on `processes`. `progress` is called
    with the number of frames just written. The file appears under its name when it is complete. Raises RadioMLError
    when it is too large for the disk, and for an unknown preset.
    """
    preset(conditions)
    layout = Layout.full(frames_per_cell)
    marks = dict(zip(SYNTHETIC_ATTRIBUTES, (SYNTHETIC_MARK, GENERATOR_VERSION, seed, conditions), strict=True))
    with replacing(path) as temporary:
        place = create(temporary, layout, marks)
        blocks = computed(_cell_block, _blocks(seed, frames_per_cell, conditions), processes)
        with temporary.open("r+b") as stream, closing(blocks):
            stream.seek(place)
            for block in blocks:
                stream.write(block.data)
                progress(len(block))
