"""Frames for training: mapped from the cache of the network's own input integers, drawn in shuffled batches."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import lightning
import numpy as np
import torch

from radioml.constants import SNRS_DB
from radioml.contract.quantiser import InputQuantiser
from radioml.data.dataset import read_layout
from radioml.data.split import fixed_split
from radioml.errors import RadioMLError
from training.frame_cache import Progress, quantised_frames

_EVALUATED_AT_ONCE = 2048
"""Frames in a batch of validation or test."""
_EPOCHS_OF_A_SEED = 10_000
"""Shufflings of two seeds differ in all epochs below this one."""


class QuantisedFrames:
    """All frames of a file as int8 (N, 1024, 2), with labels; an index is a list of positions, an item a batch.

    The frames stay on disk, mapped by `training.frame_cache`, which says what `progress` and `warn` are called with and
    which RadioMLErrors are raised.
    """

    def __init__(
        self,
        path: Path,
        quantiser: InputQuantiser,
        progress: Progress,
        warn: Callable[[str], object] = lambda warning: None,
    ) -> None:
        self.layout = read_layout(path)
        with warnings.catch_warnings():
            # The map is read-only, and nothing here writes to the tensor.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            self.integers = torch.from_numpy(quantised_frames(path, quantiser, progress, warn))
        class_index, snr_db = self.layout.labels(np.arange(len(self)))
        self.class_index, self.snr_db = torch.from_numpy(class_index), torch.from_numpy(snr_db)

    def move_to_gpu_if_it_fits(self) -> None:
        """Keep all frames and labels on this process's GPU, if there is one and they fill at most half of its room.

        Batches are then drawn there and nothing crosses the bus. Tried on no GPU yet.
        """
        if not torch.cuda.is_available():
            return
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        if self.integers.nbytes <= torch.cuda.mem_get_info(device)[0] // 2:
            self.integers = self.integers.to(device)
            self.class_index, self.snr_db = self.class_index.to(device), self.snr_db.to(device)

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.integers)

    def __getitem__(self, indices: Sequence[int] | torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Integers int8 (B, 1024, 2), class (B,), SNR in dB (B,), position in the file (B,).

        They become IQ samples with `as_iq` where they are used: a quarter of the bytes then goes to a GPU.
        """
        rows = torch.as_tensor(indices, device=self.integers.device)
        # index_select copies whole rows, several times faster than indexing.
        integers, class_index, snr_db = (
            values.index_select(0, rows) for values in (self.integers, self.class_index, self.snr_db)
        )
        return integers, class_index, snr_db, rows


def as_iq(integers: torch.Tensor, step: float) -> torch.Tensor:
    """Integers int8 (B, 1024, 2) of an input quantiser with this step as IQ samples, float32 (B, 2, 1024)."""
    return integers.permute(0, 2, 1).to(torch.float32, memory_format=torch.contiguous_format).mul_(step)


class RadioMLData(lightning.LightningDataModule):
    """Train, validation and test batches of one file by the fixed split.

    batch_size: frames a batch; minimum_snr_db, maximum_snr_db: training frames under and over them are left out; seed:
    of the shuffling, which depends on the epoch alone, so that a resumed run sees the same batches.
    rank, processes: this is one of several processes that share every training batch in equal slices, and the other
    parts in consecutive ones. Raises RadioMLError for a batch that cannot be shared so.
    """

    def __init__(
        self,
        frames: QuantisedFrames,
        batch_size: int,
        minimum_snr_db: int,
        seed: int,
        rank: int = 0,
        processes: int = 1,
        maximum_snr_db: int = SNRS_DB[-1],
    ) -> None:
        super().__init__()
        self.frames, self.seed, self.rank, self.processes = frames, seed, rank, processes
        split = fixed_split(frames.layout)
        if not len(split.validation):
            raise RadioMLError(
                f"{frames.layout} leave none for validation; use a file with at least 3 frames of a class at an SNR"
            )
        _, snr_db = frames.layout.labels(split.train)
        self.train_indices = split.train[(snr_db >= minimum_snr_db) & (snr_db <= maximum_snr_db)]
        if not len(self.train_indices):
            raise RadioMLError(
                f"no training frames from {minimum_snr_db} to {maximum_snr_db} dB in {frames.layout}; change "
                "training.minimum_snr_db or maximum_snr_db, or use another file"
            )
        self.validation_indices, self.test_indices = split.validation, split.test
        self.batch_size = min(batch_size, len(self.train_indices))
        if self.batch_size % processes:
            raise RadioMLError(
                f"a batch of {self.batch_size} frames cannot be shared equally by {processes} processes; change "
                "training.batch_size or the number of processes"
            )

    def train_dataloader(self) -> Batches:
        """Shuffled batches; the last incomplete one is dropped."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        generator = torch.Generator().manual_seed(self.seed * _EPOCHS_OF_A_SEED + epoch)
        order = torch.randperm(len(self.train_indices), generator=generator).numpy()
        batches = order[: len(order) // self.batch_size * self.batch_size].reshape(-1, self.batch_size)
        own = np.split(batches, self.processes, axis=1)[self.rank]
        return Batches(self.frames, self.train_indices[own.ravel()], own.shape[1])

    def val_dataloader(self) -> Batches:
        """Validation frames in order."""
        return Batches(self.frames, self._own(self.validation_indices), _EVALUATED_AT_ONCE)

    def test_dataloader(self) -> Batches:
        """Test frames in order; never used to choose anything."""
        return Batches(self.frames, self._own(self.test_indices), _EVALUATED_AT_ONCE)

    def _own(self, indices: np.ndarray) -> np.ndarray:
        """This process's share of them; all shares one after the other, by rank, are in order."""
        return np.array_split(indices, self.processes)[self.rank]


class Batches:
    """Frames in the order of `indices`, file positions int64 (frames,), `size` of them at a time.

    Lightning takes any iterable. A torch DataLoader would add 50 us to each batch, more than gathering it takes, and
    worker processes would have to send it.
    """

    def __init__(self, frames: QuantisedFrames, indices: np.ndarray, size: int) -> None:
        self.frames, self.positions = frames, torch.from_numpy(indices).split(size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """The batches, as `QuantisedFrames` gives them."""
        return map(self.frames.__getitem__, self.positions)

    def __len__(self) -> int:
        """Number of batches."""
        return len(self.positions)
