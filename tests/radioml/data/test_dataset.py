"""Reading frames of a RadioML file: the frames, their labels, the cost, and the messages for damaged files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from radioml.data import dataset
from radioml.data.check import check_dataset
from radioml.data.dataset import read_frames, read_layout
from radioml.data.layout import CELLS, Layout
from radioml.data.provenance import origin
from radioml.data.split import spread_indices
from radioml.errors import RadioMLError
from tests.radioml.reading.damage import OTHER_KINDS, flipped, truncated

DAMAGED = 500
"""A frame whose block on the disk is damaged."""


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """One frame a cell; each sample of a frame is the frame's number. Every block has a checksum."""
    path = tmp_path_factory.mktemp("file") / "frames.h5"
    numbers = np.arange(CELLS)
    class_index, snr_db = Layout.full(1).labels(numbers)
    with h5py.File(path, "w") as new:
        frames = np.broadcast_to(numbers[:, None, None], (CELLS, 1024, 2)).astype(np.float32)
        new.create_dataset("X", data=frames, chunks=(1, 1024, 2), fletcher32=True)
        new["Y"] = (class_index[:, None] == np.arange(24)).astype(np.int64)
        new["Z"] = snr_db[:, None]
    return path


@pytest.fixture
def damaged(file: Path, tmp_path: Path) -> Path:
    path = tmp_path / "damaged.h5"
    content = bytearray(file.read_bytes())
    content[content.index(np.full(2048, DAMAGED, np.float32).tobytes()) + 77] ^= 1
    path.write_bytes(content)
    return path


def test_frames_come_in_the_order_asked_for_with_their_labels(file):
    indices = np.array([600, 3, 4, 3, 623, 0])
    frames = read_frames(file, indices)
    assert (frames.iq == indices[:, None, None]).all()
    for found, expected in zip((frames.class_index, frames.snr_db), Layout.full(1).labels(indices), strict=True):
        assert np.array_equal(found, expected)


def test_arrays_are_looked_up_once_however_scattered_the_frames_are(file, monkeypatch):
    lookups = []
    original = h5py.Group.__getitem__

    def counted(self, name):
        lookups.append(name)
        return original(self, name)

    monkeypatch.setattr(h5py.Group, "__getitem__", counted)
    counts = []
    for frames in (1, 20):
        lookups.clear()
        read_frames(file, spread_indices(Layout.full(1), frames, "all"))
        counts.append(len(lookups))
    assert counts[0] == counts[1]


def test_a_damaged_block_is_a_user_error_that_says_where(damaged):
    assert len(read_frames(damaged, np.arange(DAMAGED))) == DAMAGED
    with pytest.raises(RadioMLError, match=rf"damaged\.h5: X cannot be read from frame {DAMAGED} on"):
        read_frames(damaged, np.array([0, DAMAGED]))
    with pytest.raises(RadioMLError, match=r"damaged\.h5: X cannot be read from frame 0 on"):
        check_dataset(damaged)


@pytest.mark.parametrize(
    ("array", "rows", "value", "message"),
    [
        ("Y", slice(0, None), 0, "Y of frame 0 is not one-hot"),
        ("Y", 300, 0, "Y of frame 300 is not one-hot"),
        ("Y", 623, 1, "Y of frame 623 is not one-hot"),
        ("Z", 7, 99, "frame 7 has the SNR label 99"),
        ("Z", 7, 30, "frame 8 is out of order"),
    ],
)
def test_labels_in_another_order_are_refused(file, tmp_path, array, rows, value, message):
    path = Path(shutil.copy(file, tmp_path))
    assert read_layout(path).frames_per_cell == 1
    with h5py.File(path, "r+") as changed:
        changed[array][rows] = value
    with pytest.raises(RadioMLError, match=message):
        read_layout(path)


@pytest.mark.parametrize("all_of_up_to", [1 << 17, 100])
def test_every_cells_ends_are_looked_at(synthetic_file, tmp_path, monkeypatch, all_of_up_to):
    monkeypatch.setattr(dataset, "_LABELS_AT_ONCE", all_of_up_to)
    path = Path(shutil.copyfile(synthetic_file(3), tmp_path / "frames.h5"))
    assert read_layout(path).frames_per_cell == 3
    for frame in (0, 2, 3, 3 * CELLS - 1):
        with h5py.File(path, "r+") as file:
            right = file["Y"][frame]
            file["Y"][frame] = np.roll(right, 1)
        with pytest.raises(RadioMLError, match="is out of order"):
            read_layout(path)
        with h5py.File(path, "r+") as file:
            file["Y"][frame] = right


def test_a_damaged_file_is_refused_or_read(tmp_path: Path):
    path = tmp_path / "file.h5"
    class_index, snr_db = Layout.full(1).labels(np.arange(CELLS))
    with h5py.File(path, "w") as new:
        new.create_dataset("X", (CELLS, 1024, 2), np.float32, chunks=(78, 1024, 2), compression="gzip")
        new.create_dataset("Y", data=(class_index[:, None] == np.arange(24)).astype(np.int64), compression="gzip")
        new.create_dataset("Z", data=snr_db[:, None], compression="gzip")
    content = path.read_bytes()
    for changed in (*OTHER_KINDS.values(), *truncated(content, 20), *flipped(content, 100)):
        path.write_bytes(changed)
        try:
            read_frames(path, np.array([0, 623]))
        except RadioMLError as error:
            assert str(error).startswith(f"{path}: ")


def test_damaged_marks_are_a_user_error(synthetic_file: Callable[[int], Path], tmp_path: Path):
    path = tmp_path / "file.h5"
    content = bytearray(synthetic_file(1).read_bytes())
    content[content.index(b"GCOL")] ^= 1  # where HDF5 keeps the texts of attributes
    path.write_bytes(content)
    with pytest.raises(RadioMLError, match=r"file\.h5: not an HDF5 file, or a damaged one \("):
        origin(path)


@pytest.mark.parametrize("index", [-1, CELLS, -CELLS])
def test_an_index_outside_of_the_file_is_named(file: Path, index: int):
    with pytest.raises(IndexError, match=rf"^frame {index} of a file of 624$"):
        read_frames(file, np.array([5, index, 7]))
