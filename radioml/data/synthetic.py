"""Synthetic RadioML frames: a calibrated stand-in for the 20 GB data set that needs a registration.

The parameters in `synthesis_parameters.json` were fitted so that networks trained on the real set score on synthetic
frames as they do on real ones. This agreement is necessary, not sufficient: figures from these frames are labelled
synthetic.

Model, in samples (fs = 1), 8 samples a symbol:
  linear modulations: symbols through a pulse of spectrum |RRC|^3 = RC^1.5, random roll-off, timing, phase and a small
  carrier frequency offset; OQPSK delays Q by half a symbol; GMSK, FM and AM from their definitions.
  noise: white, complex; its standard deviation is mean|s| x 10^(-label / 10), so the true SNR is twice the label.
  each frame is divided by the standard deviation of signal plus noise; its mean is kept.
  `radioml.data.conditions` has what deviates from this where a preset other than the nominal one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from radioml.constants import CLASSES, FRAME_LENGTH, SNRS_DB
from radioml.data.conditions import CALIBRATED, NOMINAL, Conditions, preset
from radioml.data.dataset import Frames, spread_cells
from radioml.data.layout import CELLS, Layout
from radioml.data.modulators import FRAME, draw_signals, phasor, synthesis
from radioml.data.provenance import SYNTHETIC_ATTRIBUTES, SYNTHETIC_MARK
from radioml.data.reception import MARGIN, Reception
from radioml.data.writing import create
from radioml.files import replacing
from radioml.processes import computed

GENERATOR_VERSION = 1
"""Raised whenever the same seed and preset give another file."""
_SPREAD = 2**32 - 1  # in place of a block's number, so that frames of `generate_spread` are in no file of this seed
_CACHED_FRAMES = 16  # worked on at a time: all their arrays stay in a core's cache


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
    parameters, _ = synthesis()
    window = slice(FRAME.start - MARGIN, FRAME.stop + MARGIN) if conditions.moves_samples else FRAME
    signals = draw_signals(rng, count, name, conditions, window)
    phase, offset = rng.random((count, 1)), rng.normal(0, parameters["cfo_sigma"], (count, 1))
    reception = None
    if conditions != CALIBRATED:  # calibrated frames draw no further random numbers
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
        signal *= phasor(2 * np.pi * (phase[part] + offset[part] * time))
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
    """One block of one cell; its random stream depends on the job alone."""
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
