"""Training batches from a file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from radioml.contract.quantiser import InputQuantiser
from radioml.data.synthetic import write_dataset

from .measure import compare


def reading() -> dict[str, Any]:
    """Shuffled training batches from the mapped cache, against the challenge sandbox; both files are in the page cache.

    Our batches are integers, which become samples on the device of the training. The sandbox's notebook has the labels
    in memory and reads one frame at a random index with h5py for each item.
    """
    import torch

    from training.data.batches import QuantisedFrames, RadioMLData

    torch.set_num_threads(1)  # one core for each
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.hdf5"
        write_dataset(path, 64, seed=1, processes=2)
        frames = QuantisedFrames(path, InputQuantiser(8, 1 / 64), lambda what, done, total: None)
        batches = RadioMLData(frames, 512, -20, 1)
        order = torch.utils.data.SubsetRandomSampler(batches.train_indices)
        slow = torch.utils.data.DataLoader(_sandbox(path), batch_size=512, sampler=order)
        return compare(
            lambda: sum(len(batch[0]) for batch in batches.train_dataloader()),
            {
                "torch DataLoader over h5py, one random index an item (the challenge sandbox)": lambda: sum(
                    len(next(iter(slow))[0]) for _ in range(2)
                )
            },
        )


def _sandbox(path: Path) -> Any:
    """The data set as the sandbox's notebook reads it."""
    import h5py
    import torch

    class Sandbox(torch.utils.data.Dataset):
        def __init__(self) -> None:
            file = h5py.File(path)
            self.data, self.mod, self.snr = file["X"], np.argmax(file["Y"], axis=1), file["Z"][:, 0]

        def __len__(self) -> int:
            return len(self.data)

        def __getitem__(self, index: int) -> tuple[np.ndarray, int, int]:
            return self.data[index].transpose(), self.mod[index], self.snr[index]

    return Sandbox()
