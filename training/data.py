"""Frames for training: quantised to the network's own input integers, held in memory, drawn in shuffled batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lightning
import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler

from radioml.constants import FRAME_LENGTH
from radioml.dataset import cell_labels, frames_per_cell, open_dataset
from radioml.errors import RadioMLError
from radioml.quantiser import InputQuantiser
from radioml.split import fixed_split

_CHUNK = 8192


class QuantisedFrames(Dataset):
    """All frames of a file as int8 (N, 1024, 2), with labels; an index is a list of positions, an item a batch.

    Quantising once is exact: the network's input quantiser maps every value of its own grid to itself.
    """

    def __init__(self, path: Path, quantiser: InputQuantiser, progress: Callable[[int, int], object]) -> None:
        self.frames_per_cell = frames_per_cell(path)
        with open_dataset(path) as file:
            total = len(file["X"])
            self.integers = torch.empty((total, FRAME_LENGTH, 2), dtype=torch.int8)
            for start in range(0, total, _CHUNK):
                try:
                    chunk = quantiser(file["X"][start : start + _CHUNK])
                except ValueError as error:
                    raise RadioMLError(
                        f"{path}: frames {start} and on: {error}; see `radioml data check {path}`"
                    ) from error
                self.integers[start : start + len(chunk)] = torch.from_numpy(chunk)
                progress(start + len(chunk), total)
        class_index, snr_db = cell_labels(np.arange(total), self.frames_per_cell)
        self.class_index, self.snr_db = torch.from_numpy(class_index), torch.from_numpy(snr_db)
        self.step = quantiser.scale

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.integers)

    def __getitem__(self, indices: list[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """IQ float32 (B, 2, 1024), class (B,), SNR in dB (B,)."""
        rows = torch.as_tensor(indices)
        iq = self.integers[rows].to(torch.float32).mul_(self.step).permute(0, 2, 1)
        return iq, self.class_index[rows], self.snr_db[rows]


class RadioMLData(lightning.LightningDataModule):
    """Train, validation and test batches of one file by the fixed split.

    batch_size: frames a batch; minimum_snr_db: training frames under it are left out; seed: of the shuffling, which
    depends on the epoch alone, so that a resumed run sees the same batches.
    """

    def __init__(self, frames: QuantisedFrames, batch_size: int, minimum_snr_db: int, seed: int) -> None:
        super().__init__()
        self.frames, self.batch_size, self.seed = frames, batch_size, seed
        split = fixed_split(frames.frames_per_cell)
        if not len(split.validation):
            raise RadioMLError(
                f"{frames.frames_per_cell} frames per cell leave none for validation; use a file with at least 3"
            )
        self.train_indices = split.train[frames.snr_db[split.train].numpy() >= minimum_snr_db]
        self.validation_indices, self.test_indices = split.validation, split.test

    def train_dataloader(self) -> DataLoader:
        """Shuffled batches; the last incomplete one is dropped."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        order = RandomSampler(self.train_indices, generator=torch.Generator().manual_seed(self.seed * 10_000 + epoch))
        return self._loader(self.train_indices, order, min(self.batch_size, len(self.train_indices)), True)

    def val_dataloader(self) -> DataLoader:
        """Validation frames in order."""
        return self._in_order(self.validation_indices)

    def test_dataloader(self) -> DataLoader:
        """Test frames in order; never used to choose anything."""
        return self._in_order(self.test_indices)

    def _in_order(self, indices: np.ndarray) -> DataLoader:
        return self._loader(indices, SequentialSampler(indices), 2048, False)

    def _loader(self, indices: np.ndarray, order: torch.utils.data.Sampler, size: int, drop_last: bool) -> DataLoader:
        rows = torch.from_numpy(indices)
        batches = BatchSampler(order, size, drop_last)
        subset = _Rows(self.frames, rows)
        # Gathered in the main process: one vectorised copy is faster than sending tensors between processes.
        return DataLoader(subset, sampler=batches, batch_size=None, num_workers=0)


class _Rows(Dataset):
    """The frames at some positions of another data set, again indexed by lists."""

    def __init__(self, frames: QuantisedFrames, rows: torch.Tensor) -> None:
        self.frames, self.rows = frames, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, indices: list[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.frames[self.rows[torch.as_tensor(indices)]]
