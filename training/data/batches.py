"""Batches of frames for training: integers of the network's input quantiser, mapped from a cache on disk."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import lightning
import numpy as np
import torch
from torch import nn

from radioml.constants import SNRS_DB
from radioml.contract.quantiser import InputQuantiser
from radioml.data.dataset import read_layout
from radioml.data.split import fixed_split
from radioml.errors import RadioMLError
from training.data.frame_cache import Progress, quantised_frames
from training.data.statistics_cache import cached_statistics
from training.models.on_statistics import OnStatistics
from training.trained.reference import input_quantiser

_EVALUATED_AT_ONCE = 2048
"""Frames in a batch of validation or test."""
_EPOCHS_OF_A_SEED = 10_000
"""Shufflings of two seeds differ in all epochs below this one."""


class QuantisedFrames:
    """All frames of a file as int8 (N, 1024, 2), with labels. The index is a list of positions, the item a batch.

    The frames stay on disk: `training.data.frame_cache` maps them into memory. Progress, warnings and errors are those
    of `quantised_frames`.
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
            self.values = torch.from_numpy(quantised_frames(path, quantiser, progress, warn))
        class_index, snr_db = self.layout.labels(np.arange(len(self)))
        self.class_index, self.snr_db = torch.from_numpy(class_index), torch.from_numpy(snr_db)

    def move_to_gpu_if_it_fits(self) -> None:
        """Copy all frames and labels to this process's GPU, if there is one and they fill at most half of its memory.

        Batches are then drawn on the GPU. This has not been run on a GPU yet.
        """
        if not torch.cuda.is_available():
            return
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        if self.values.nbytes <= torch.cuda.mem_get_info(device)[0] // 2:
            self.values = self.values.to(device)
            self.class_index, self.snr_db = self.class_index.to(device), self.snr_db.to(device)

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.values)

    def __getitem__(self, indices: Sequence[int] | torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Integers int8 (B, 1024, 2) or rows of statistics, class (B,), SNR in dB (B,), position in the file (B,).

        `as_iq` makes IQ samples of the integers on the device, so that a quarter of the bytes is copied to a GPU.
        """
        rows = torch.as_tensor(indices, device=self.values.device)
        # index_select copies whole rows and is several times faster than indexing.
        taken, class_index, snr_db = (
            values.index_select(0, rows) for values in (self.values, self.class_index, self.snr_db)
        )
        return taken, class_index, snr_db, rows


class StatisticsOfFrames(QuantisedFrames):
    """Rows of statistics of all frames of a file, int8 (N, width), instead of the frames themselves.

    `training.data.statistics_cache` keeps them. A network of `training.models.on_statistics` takes a row
    where others take a frame; the rest is as for frames.
    """

    def __init__(
        self,
        path: Path,
        network: OnStatistics,
        progress: Progress,
        warn: Callable[[str], object] = lambda warning: None,
    ) -> None:
        super().__init__(path, input_quantiser(network), progress, warn)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            self.values = torch.from_numpy(cached_statistics(path, network, input_quantiser(network), progress))


def frames_for(
    network: nn.Module, path: Path, progress: Progress, warn: Callable[[str], object] = lambda warning: None
) -> QuantisedFrames:
    """The inputs to train a network on: the frames of a file, or their statistics. The caches' errors are raised."""
    if isinstance(network, OnStatistics):
        return StatisticsOfFrames(path, network, progress, warn)
    return QuantisedFrames(path, input_quantiser(network), progress, warn)


def as_iq(integers: torch.Tensor, step: float) -> torch.Tensor:
    """IQ samples float32 (B, 2, 1024) of integers int8 (B, 1024, 2); step: the input quantiser's scale."""
    return integers.permute(0, 2, 1).to(torch.float32, memory_format=torch.contiguous_format).mul_(step)


class RadioMLData(lightning.LightningDataModule):
    """Training, validation and test batches of one file by the fixed split.

    The order of the training frames depends on seed and epoch alone, so a resumed run draws the same batches.

    Args:
        frames: all frames of the file.
        batch_size: frames of a training batch, of all processes together.
        minimum_snr_db, maximum_snr_db: training frames outside these SNR labels are left out.
        seed: of the shuffling.
        rank, processes: number of this process and of all. Each process takes an equal slice of every training batch,
            and a consecutive share of the validation and test frames.

    Raises:
        RadioMLError: where no frames are left for training or validation, and where the batch size is no multiple of
            the number of processes.
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
        """Test frames in order; they influence neither weights nor the choice of the epoch."""
        return Batches(self.frames, self._own(self.test_indices), _EVALUATED_AT_ONCE)

    def _own(self, indices: np.ndarray) -> np.ndarray:
        """This process's consecutive share."""
        return np.array_split(indices, self.processes)[self.rank]


class Batches:
    """Batches of `size` frames in the order of `indices`, positions in the file int64 (frames,).

    Lightning takes any iterable. A torch DataLoader adds 50 us to each batch, which is more than the batch itself
    takes; see `docs/decisions/no-dataloader.md`.
    """

    def __init__(self, frames: QuantisedFrames, indices: np.ndarray, size: int) -> None:
        self.frames, self.positions = frames, torch.from_numpy(indices).split(size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """The batches, as `QuantisedFrames` gives them."""
        return map(self.frames.__getitem__, self.positions)

    def __len__(self) -> int:
        """Number of batches."""
        return len(self.positions)
