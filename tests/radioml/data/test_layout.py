"""Files with some classes, some SNRs, any number of frames: descriptions, labels by position, and the split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from radioml.constants import FULL_FRAMES_PER_CELL, SNRS_DB
from radioml.data import dataset
from radioml.data.dataset import read_frames, read_iq, read_layout
from radioml.data.layout import CELLS, Layout, counts_of
from radioml.data.split import PARTS, fixed_split, spread_indices
from radioml.data.subset import write_subset
from radioml.errors import RadioMLError
from tests.radioml.data.small_files import write_file


def some_cells(classes: list[int], snrs_db: list[int], frames: int) -> Layout:
    counts = np.zeros((24, 26), np.int64)
    counts[np.ix_(classes, [SNRS_DB.index(snr) for snr in snrs_db])] = frames
    return Layout(counts)


RAGGED = Layout(np.random.default_rng(1).integers(0, 4, (24, 26)))
PARTIAL = [
    some_cells(list(range(24)), list(range(0, 31, 2)), 1),
    some_cells([3, 4, 22], [30], 7),
    some_cells([0], [-20], 1),
    some_cells([23], list(SNRS_DB), 3),
    RAGGED,
]


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout.full(40), "40 frames per cell"),
        (PARTIAL[0], "384 frames of all classes at SNRs 0 to 30 dB"),
        (PARTIAL[1], "21 frames of BPSK, QPSK, GMSK at SNR 30 dB"),
        (PARTIAL[3], "78 frames of OQPSK at all SNRs"),
        (some_cells([1, 2], [-20, 0, 30], 2), "12 frames of 4ASK, 8ASK at SNRs -20, 0, 30 dB"),
        (
            some_cells(list(range(5)), [-20, -18, 0, 2, 30], 1),
            "25 frames of 5 of 24 classes at 5 SNRs between -20 and 30 dB",
        ),
    ],
)  # fmt: skip
def test_a_layout_says_what_it_is_over(layout: Layout, words: str):
    assert str(layout) == words


@pytest.mark.parametrize("all_of_up_to", [1 << 17, 10], ids=["all labels", "some labels"])
@pytest.mark.parametrize("layout", [Layout.full(2), *PARTIAL])
def test_the_layout_of_a_file_is_found_by_its_labels(layout: Layout, all_of_up_to: int, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "_LABELS_AT_ONCE", all_of_up_to)
    path = write_file(tmp_path / "part.h5", layout)
    found = read_layout(path)
    assert np.array_equal(found.counts, layout.counts)
    frames = read_frames(path, np.arange(layout.frames))
    with h5py.File(path) as file:
        assert np.array_equal(file["Y"][:].argmax(1), frames.class_index)
        assert np.array_equal(file["Z"][:, 0], frames.snr_db)
        assert np.array_equal(file["X"][:], frames.iq)


@pytest.mark.parametrize("all_of_up_to", [1 << 17, 10], ids=["all labels", "some labels"])
@pytest.mark.parametrize("shuffled", [Layout.full(2), some_cells(list(range(24)), [30], 40), RAGGED])
def test_a_file_in_another_order_is_refused(shuffled: Layout, all_of_up_to: int, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "_LABELS_AT_ONCE", all_of_up_to)
    path = write_file(tmp_path / "part.h5", shuffled, order=np.random.default_rng(0).permutation(shuffled.frames))
    with pytest.raises(RadioMLError, match=r"is out of order.*`radioml data import .* sorts them"):
        read_layout(path)


@pytest.mark.parametrize("kind", ["<f8", ">f4", ">f8", "<f2"])
@pytest.mark.parametrize("labels", [np.uint8, np.float32, ">i4", bool])
def test_other_types_of_number_are_converted(kind: str, labels: str | type, tmp_path: Path):
    layout = some_cells([1, 20], [0, 2], 2)
    native = write_file(tmp_path / "native.h5", layout)
    path = write_file(tmp_path / "other.h5", layout, X=kind, Y=labels, Z=np.float64)
    assert np.array_equal(read_layout(path).counts, layout.counts)
    iq = read_iq(path, np.arange(8))
    assert iq.dtype == np.float32 and iq.dtype.isnative
    assert np.allclose(iq, read_iq(native, np.arange(8)), atol=2e-3 if kind == "<f2" else 0)


def test_a_part_with_all_frames_of_its_cells_has_the_official_split():
    """Starting the published loop at another SNR gives another split, which leaks test frames into training."""
    whole = Layout.full(FULL_FRAMES_PER_CELL)
    part = some_cells([3, 20], [0, 2, 30], FULL_FRAMES_PER_CELL)
    inside = np.flatnonzero(part.counts.ravel()[whole.cells(np.arange(whole.frames))])
    for name in ("train", "validation", "test", "official_train"):
        official = getattr(fixed_split(whole), name)
        assert np.array_equal(inside[getattr(fixed_split(part), name)], official[np.isin(official, inside)])


@pytest.mark.parametrize("layout", PARTIAL)
def test_the_parts_of_a_partial_file_hold_every_frame_once(layout: Layout):
    split = fixed_split(layout)
    assert np.array_equal(np.sort(np.concatenate([split.train, split.validation, split.test])), split.part("all"))
    for part in PARTS:
        indices = split.part(part)
        if not len(indices):
            continue
        spread = spread_indices(layout, None, part)
        assert np.array_equal(np.sort(spread), np.sort(indices))
        prefix = counts_of(layout.cells(spread[: np.count_nonzero(counts_of(layout.cells(indices)))]))
        assert prefix.max() == 1, "every cell comes once before any comes twice"


@pytest.fixture(scope="module")
def whole(synthetic_file: Callable[[int], Path]) -> Path:
    """A file with 12 frames a cell."""
    return synthetic_file(12)


@pytest.mark.parametrize(("classes", "snrs_db", "each"), [(None, None, 5), ([3, 7], None, None), (None, [0, 30], 2)])
def test_a_cut_leaves_every_frame_in_its_part(classes, snrs_db, each, whole: Path, tmp_path: Path):
    cut, again = tmp_path / "cut.h5", tmp_path / "again.h5"
    write_subset(whole, cut, classes, snrs_db, each)
    write_subset(cut, again, None, [0], None)
    was = fixed_split(Layout.full(12))
    for path in (cut, again):
        layout = read_layout(path)
        index = layout.cut_from.index
        assert np.array_equal(read_iq(path, np.arange(layout.frames)), read_iq(whole, index))
        split = fixed_split(layout)
        for part in ("train", "validation", "test"):
            assert len(getattr(split, part)) or (each, part) == (2, "validation") or path == again
            assert np.isin(index[getattr(split, part)], getattr(was, part)).all()
            order = {frame: place for place, frame in enumerate(getattr(was, part).tolist())}
            assert np.all(np.diff([order[frame] for frame in index[getattr(split, part)].tolist()]) > 0)
    layout = read_layout(cut)
    assert list(layout.class_indices) == (classes or list(range(24))) and layout.snrs_db == (snrs_db or list(SNRS_DB))
    assert layout.frames_per_cell == (each or 12)


def test_a_cut_of_fewer_frames_keeps_the_proportions(whole: Path, tmp_path: Path):
    found = write_subset(whole, tmp_path / "cut.h5", frames_per_cell=5)
    small, split = fixed_split(Layout.full(5)), fixed_split(found)
    for part in ("train", "validation", "test"):
        assert len(getattr(split, part)) == len(getattr(small, part))


def test_a_cut_of_nothing_is_refused_and_leaves_nothing(tmp_path: Path):
    path = write_file(tmp_path / "part.h5", some_cells([3], [30], 2))
    with pytest.raises(RadioMLError, match="has none of these frames; it holds 2 frames of BPSK at SNR 30 dB"):
        write_subset(path, tmp_path / "cut.h5", classes=[4])
    assert [file.name for file in tmp_path.iterdir()] == ["part.h5"]


def test_a_damaged_memory_of_the_cut_is_refused(whole: Path, tmp_path: Path):
    write_subset(whole, tmp_path / "cut.h5", classes=[4])
    with h5py.File(tmp_path / "cut.h5", "r+") as file:
        file["index"][0] = 12 * CELLS
    with pytest.raises(RadioMLError, match="'index' is not one that `radioml data subset` wrote"):
        read_layout(tmp_path / "cut.h5")
