"""The fixed split: the published procedure to the last index, and fair samples of its parts."""

from __future__ import annotations

import numpy as np
import pytest

from radioml.constants import FULL_FRAMES_PER_CELL, SNRS_DB
from radioml.data.dataset import CELLS
from radioml.data.layout import Layout
from radioml.data.split import PARTS, fixed_split, spread, spread_indices
from radioml.errors import RadioMLError

OFFICIAL_TRAIN = "62f205627cb26a9739bfa0ff006c92139650a6cf83457792839dd922da0981cb"
OFFICIAL_TEST = "874296601fa7d746fa485104fd5d9efe43c16fa67c6a675b3a78f5bf2e65dc1f"


def published_split(frames_per_cell: int) -> tuple[list[int], list[int]]:
    """The loop of the challenge's notebook, with Python lists and NumPy's global generator."""
    np.random.seed(2018)
    train_indices = []
    test_indices = []
    for mod in range(0, 24):
        for snr_idx in range(0, 26):
            start_idx = 26 * frames_per_cell * mod + frames_per_cell * snr_idx
            indices_subclass = list(range(start_idx, start_idx + frames_per_cell))
            split = int(np.ceil(0.1 * frames_per_cell))
            np.random.shuffle(indices_subclass)
            train_indices.extend(indices_subclass[split:])
            test_indices.extend(indices_subclass[:split])
    return train_indices, test_indices


@pytest.mark.parametrize("frames_per_cell", [1, 2, 7, 40, FULL_FRAMES_PER_CELL])
def test_it_is_the_published_split(frames_per_cell: int):
    split = fixed_split(Layout.full(frames_per_cell))
    train, test = published_split(frames_per_cell)
    assert np.array_equal(split.official_train, train)
    assert np.array_equal(split.test, test)


def test_the_full_split_has_the_pinned_digests():
    split = fixed_split(Layout.full(FULL_FRAMES_PER_CELL))
    digest = split.digest()
    assert digest["official_train"] == OFFICIAL_TRAIN
    assert digest["test"] == OFFICIAL_TEST
    assert (len(split.official_train), len(split.test)) == (CELLS * 3686, CELLS * 410)


@pytest.mark.parametrize("frames_per_cell", [1, 2, 3, 10, 41])
def test_the_parts_hold_every_frame_once_and_are_equal_in_every_cell(frames_per_cell: int):
    split = fixed_split(Layout.full(frames_per_cell))
    parts = [split.part(name) for name in ("train", "validation", "test")]
    assert np.array_equal(np.sort(np.concatenate(parts)), split.part("all"))
    for part in parts:
        assert len(set(np.bincount(part // frames_per_cell, minlength=CELLS))) == 1


def test_validation_comes_out_of_train_and_leaves_the_official_draw_alone():
    without, small, large = (fixed_split(Layout.full(40), fraction) for fraction in (0, 0.1, 0.5))
    assert len(without.validation) == 0
    assert len(small.validation) == CELLS * 4
    assert len(large.validation) == CELLS * 18
    for split in (small, large):
        assert np.array_equal(split.test, without.test)
        assert np.array_equal(split.official_train, without.train)


def test_wrong_sizes_and_parts_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        fixed_split(Layout.full(0))
    with pytest.raises(ValueError, match="validation fraction"):
        fixed_split(Layout.full(10), 1.0)
    with pytest.raises(RadioMLError, match=r"unknown part 'valid'.*train, validation, test"):
        fixed_split(Layout.full(10)).part("valid")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("n", [1, 24, 240, 624, 700, None])
def test_a_spread_sample_is_even_and_from_its_part(part: str, n: int | None):
    frames_per_cell = 30
    available = fixed_split(Layout.full(frames_per_cell)).part(part)
    indices = spread_indices(Layout.full(frames_per_cell), n, part)
    assert len(indices) == len(set(indices.tolist())) == (len(available) if n is None else n)
    assert np.isin(indices, available).all()
    class_index, snr_db = Layout.full(frames_per_cell).labels(indices)
    snr_index = (snr_db - SNRS_DB[0]) // 2
    for counts in (
        np.bincount(class_index, minlength=24),
        np.bincount(indices // frames_per_cell, minlength=CELLS),
    ):
        assert np.ptp(counts) <= 1
    assert np.ptp(np.bincount(snr_index, minlength=26)) <= 2


def test_too_many_frames_are_refused():
    with pytest.raises(RadioMLError, match="cannot take 625 frames: the part 'test' has 624"):
        spread_indices(Layout.full(10), 625)


def test_spread_reads_the_frames_of_the_sample(synthetic_file):
    path = synthetic_file(2)
    frames = spread(path, 30, "train")
    class_index, snr_db = Layout.full(2).labels(spread_indices(Layout.full(2), 30, "train"))
    assert np.array_equal(frames.class_index, class_index)
    assert np.array_equal(frames.snr_db, snr_db)
    assert np.array_equal(frames.iq, spread(path, 30, "train").iq)
