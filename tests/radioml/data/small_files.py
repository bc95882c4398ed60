"""Small files in the layout of RadioML, as people's scripts write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from radioml.data.layout import Layout


def noise(frames: int, seed: int = 0) -> np.ndarray:
    """Frames of white noise with a standard deviation of 1, float32 (frames, 1024, 2)."""
    return np.random.default_rng(seed).normal(0, np.sqrt(0.5), (frames, 1024, 2)).astype(np.float32)


def write_file(
    path: Path, layout: Layout, order: np.ndarray | None = None, iq: np.ndarray | None = None, **types: Any
) -> Path:
    """Noise, or the frames `iq`, with the labels of a layout, rows in the given order; types: of the arrays X, Y, Z."""
    order = np.arange(layout.frames) if order is None else order
    class_index, snr_db = layout.labels(order)
    arrays = {
        "X": noise(layout.frames)[order] if iq is None else iq[order],
        "Y": np.eye(24, dtype=np.int64)[class_index],
        "Z": snr_db[:, None],
    }
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values.astype(types.get(name, values.dtype))
    return path
