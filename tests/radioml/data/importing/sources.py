"""Files to import, and the check of what is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from radioml.constants import CLASSES
from radioml.data.check import check_dataset
from radioml.data.dataset import read_iq, read_layout
from radioml.data.importing.importer import Imported, import_data
from radioml.data.importing.labelled import Wanted

SNRS = (10, 30)
EACH = 5


CLASS_INDEX = np.repeat(np.arange(24), EACH * len(SNRS))
SNR_DB = np.tile(np.repeat(SNRS, EACH), 24)
ONE_HOT = np.eye(24, dtype=np.int64)[CLASS_INDEX]
NAMES = np.array(CLASSES)[CLASS_INDEX]
SHUFFLED = np.random.default_rng(1).permutation(len(CLASS_INDEX))


def write_hdf5(path: Path, **arrays: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


def check(path: Path, frames: np.ndarray, kept: np.ndarray | None = None, rtol: float = 0) -> None:
    """The file has these frames, in the order of the data set, with their labels."""
    kept = np.arange(len(frames)) if kept is None else kept
    layout = read_layout(path)
    class_index, snr_db = layout.labels(np.arange(layout.frames))
    assert np.array_equal(class_index, CLASS_INDEX[kept]) and np.array_equal(snr_db, SNR_DB[kept])
    assert np.allclose(read_iq(path, np.arange(layout.frames)), frames[kept], rtol=rtol, atol=rtol)
    report = check_dataset(path)
    assert report.problems == () and report.origin and report.origin.kind == "unknown"
    assert not [file for file in path.parent.iterdir() if ".tmp" in file.name]


def imported(path: Path, out: Path, **wanted: Any) -> Imported:
    return import_data([path], out, Wanted(**wanted))


COMPOUND = np.dtype([("real", "<f8"), ("imag", "<f8")])


def compound(values: np.ndarray) -> np.ndarray:
    pairs = np.empty(values.shape, COMPOUND)
    pairs["real"], pairs["imag"] = values.real, values.imag
    return pairs
