from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, RandomSampler

from radioml.constants import CLASSES
from radioml.contract.quantiser import InputQuantiser
from radioml.data.dataset import read_frames
from radioml.data.split import fixed_split
from radioml.data.subset import write_subset
from radioml.errors import RadioMLError
from training.data.batches import QuantisedFrames, RadioMLData

QUANTISER = InputQuantiser(8, 1 / 64)


def ignore(what: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module")
def data(synthetic_file: Callable[[int], Path]) -> Path:
    return synthetic_file(3)


def _open(data: Path) -> QuantisedFrames:
    return QuantisedFrames(data, QUANTISER, lambda what, done, total: None)


def test_batches_come_in_the_order_of_torchs_samplers(data: Path):
    frames = _open(data)
    batches = RadioMLData(frames, 50, minimum_snr_db=20, seed=7)
    rows = torch.from_numpy(batches.train_indices)
    order = RandomSampler(rows, generator=torch.Generator().manual_seed(7 * 10_000))
    expected = [rows[torch.tensor(batch)] for batch in BatchSampler(order, 50, drop_last=True)]
    drawn = list(batches.train_dataloader())
    assert len(drawn) == len(batches.train_dataloader()) == len(rows) // 50 > 1
    for (drawn_integers, class_index, _, position), positions in zip(drawn, expected, strict=True):
        assert torch.equal(position, positions)
        assert torch.equal(class_index, positions // (len(frames) // len(CLASSES)))
        integers = QUANTISER(read_frames(data, positions.numpy()).iq)
        np.testing.assert_array_equal(drawn_integers, integers)
    in_order = torch.cat([class_index for _, class_index, _, _ in batches.test_dataloader()])
    assert torch.equal(in_order, frames.class_index[torch.from_numpy(batches.test_indices)])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_frames_on_the_gpu_are_the_same(data: Path):
    mapped, resident = (_open(data) for _ in range(2))
    resident.move_to_gpu_if_it_fits()
    for here, there in zip(mapped[[5, 1800, 0]], resident[[5, 1800, 0]], strict=True):
        assert there.is_cuda and torch.equal(here, there.cpu())


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_processes_share_what_one_would_draw(data: Path, part: str):
    frames = _open(data)
    whole, first, second = (RadioMLData(frames, 50, 20, 7, *share) for share in ((), (0, 2), (1, 2)))
    drawn = [list(getattr(batches, f"{part}_dataloader")()) for batches in (whole, first, second)]
    if part == "train":
        assert len(drawn[0]) == len(drawn[1]) == len(drawn[2]) > 1
        for batch, *shares in zip(*drawn, strict=True):
            for value, *slices in zip(batch, *shares, strict=True):
                assert torch.equal(value, torch.cat(slices)) and {len(s) for s in slices} == {25}
    else:
        positions = [torch.cat([batch[-1] for batch in batches]) for batches in drawn]
        assert torch.equal(positions[0], torch.cat(positions[1:]))


def test_a_batch_that_processes_cannot_share_equally_is_refused(data: Path):
    with pytest.raises(RadioMLError, match="50 frames cannot be shared equally by 3 processes"):
        RadioMLData(_open(data), 50, 20, 7, 0, 3)


def test_a_part_of_the_grid_trains_on_its_own_frames(synthetic_file: Callable[[int], Path], tmp_path: Path):
    layout = write_subset(synthetic_file(12), tmp_path / "part.hdf5", classes=[3, 7], snrs_db=[0, 30])
    data = RadioMLData(QuantisedFrames(tmp_path / "part.hdf5", QUANTISER, ignore), 8, -20, seed=1)
    seen = torch.cat([torch.stack(batch[1:], 1) for batch in data.train_dataloader()])
    assert set(seen[:, 0].tolist()) == {3, 7} and set(seen[:, 1].tolist()) == {0, 30}
    split = fixed_split(layout)
    assert set(seen[:, 2].tolist()) <= set(split.train.tolist())
    assert np.array_equal(data.test_indices, split.test) and np.array_equal(data.validation_indices, split.validation)
    with pytest.raises(
        RadioMLError, match=r"no training frames from 10 to 20 dB in 48 frames of BPSK, 32PSK at SNRs 0"
    ):
        RadioMLData(data.frames, 8, 10, seed=1, maximum_snr_db=20)


def test_frames_of_another_level_are_warned_of_in_every_run(synthetic_file: Callable[[int], Path], tmp_path: Path):
    path = Path(shutil.copyfile(synthetic_file(1), tmp_path / "loud.hdf5"))
    with h5py.File(path, "r+") as file:
        file["X"][:] = 50 * file["X"][:]
    for _ in range(2):  # converted, then taken from the cache
        warnings: list[str] = []
        QuantisedFrames(path, QUANTISER, ignore, warnings.append)
        assert "standard deviation is 50" in warnings[0] and "beyond +-2" in warnings[1]
