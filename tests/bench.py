"""Benchmarks: `make bench`. Each measures a ratio against a named baseline in one run; results are JSON.

They say how fast the machine at hand is, and nothing passes or fails by them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from radioml.constants import CLASSES
from radioml.files import write_json
from radioml.package import StreamFormat
from radioml.packing import pack
from radioml.quantiser import InputQuantiser
from radioml.synthetic import generate_cell, generate_spread, write_dataset


def rate(work: Callable[[], int], seconds: float = 1.5) -> float:
    """Items a second of `work`, which returns how many it did; the first call warms up."""
    work()
    done, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        done += work()
    return done / passed


def generator() -> dict[str, Any]:
    """Synthetic frames, one process, against drawing their Gaussian noise alone: the least that can be asked for."""
    rng = np.random.default_rng(0)

    def noise() -> int:
        rng.standard_normal((624, 1024, 2), np.float32)
        return 624

    def frames() -> int:
        for name in CLASSES:
            generate_cell(rng, 26, name, 10)
        return 624

    return {
        "baseline": "NumPy drawing the Gaussian noise of the same frames",
        "frames/s": rate(frames),
        "baseline frames/s": rate(noise),
    }


def reading(folder: Path) -> dict[str, Any]:
    """Shuffled training batches, mapped, against the challenge sandbox's way; both files are in the page cache.

    The sandbox's notebook holds the labels in memory and reads one frame at a random index an item with h5py.
    """
    import h5py
    import torch

    from training.data import QuantisedFrames, RadioMLData

    path = folder / "frames.hdf5"
    write_dataset(path, 64, seed=1, processes=2)
    frames = QuantisedFrames(path, InputQuantiser(8, 1 / 64), lambda what, done, total: None)
    batches = RadioMLData(frames, 512, -20, 1)

    class Sandbox(torch.utils.data.Dataset):
        def __init__(self) -> None:
            file = h5py.File(path)
            self.data, self.mod, self.snr = file["X"], np.argmax(file["Y"], axis=1), file["Z"][:, 0]

        def __len__(self) -> int:
            return len(self.data)

        def __getitem__(self, index: int) -> tuple[np.ndarray, int, int]:
            return self.data[index].transpose(), self.mod[index], self.snr[index]

    order = torch.utils.data.SubsetRandomSampler(batches.train_indices)
    slow = torch.utils.data.DataLoader(Sandbox(), batch_size=512, sampler=order)
    return {
        "baseline": "torch DataLoader over h5py, one random index an item (the challenge sandbox)",
        "frames/s": rate(lambda: sum(len(batch[0]) for batch in batches.train_dataloader())),
        "baseline frames/s": rate(lambda: sum(len(next(iter(slow))[0]) for _ in range(2))),
    }


def packing() -> dict[str, Any]:
    """Float frames to stream words against FINN's classic packing."""
    from finn.util.data_packing import finnpy_to_packed_bytearray
    from qonnx.core.datatype import DataType

    iq = generate_spread(64, 0).iq
    quantiser = InputQuantiser(8, 1 / 64)
    stream = StreamFormat((1024, 2), 16, 8, True, 16)

    def ours() -> int:
        pack(quantiser(iq), stream)
        return len(iq)

    def classic() -> int:
        integers = quantiser(iq[:1]).reshape(1, 128, 16).astype(np.float32)
        finnpy_to_packed_bytearray(integers, DataType["INT8"], reverse_endian=True, reverse_inner=True)
        return 1

    return {
        "baseline": "finn.util.data_packing.finnpy_to_packed_bytearray, INT8",
        "frames/s": rate(ours),
        "baseline frames/s": rate(classic),
    }


def main(out: Path) -> None:
    """Run all benchmarks and write one JSON each to `out`."""
    with tempfile.TemporaryDirectory() as folder:
        for name, run in {"generator": generator, "reading": lambda: reading(Path(folder)), "packing": packing}.items():
            value = run()
            value["ratio"] = value["frames/s"] / value["baseline frames/s"]
            write_json(out / f"{name}.json", value)
            print(f"{name}: " + ", ".join(f"{k} {v:,.1f}" if isinstance(v, float) else v for k, v in value.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
