"""Frames from which a network may have learnt, by the network's training data and by the frames' file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from radioml.contract.training_data import StartedFrom, TrainingData
from radioml.data import provenance, subset
from radioml.data.check import check_dataset
from radioml.data.layout import CELLS, Layout
from radioml.data.provenance import Origin, origin, same_file, seen_in_training
from radioml.data.subset import write_subset
from radioml.files import sha256
from radioml.report.evaluation import Evaluation
from radioml.report.metrics import measure

HERE = Origin("synthetic", "generator 1, seed 5, 4 frames per cell")
REAL = Origin("real", "RadioML 2018.01A (GOLD.hdf5), frames 0123456789ab, 4096 frames per cell")
MINE = Origin("unknown", "mine.h5, frames 0123456789ab, 40 frames per cell")


@pytest.mark.parametrize(
    ("part", "trained_on", "reason"),
    [
        ("test", TrainingData(**vars(HERE)), None),
        ("train", TrainingData(**vars(HERE)), "these frames trained the network"),
        ("validation", TrainingData(**vars(HERE)), "chose the network's checkpoint"),
        ("all", TrainingData(**vars(HERE)), "most of these frames"),
        ("all", TrainingData("synthetic", "generator 1, seed 6, 4 frames per cell"), None),
        ("test", TrainingData("synthetic", "generator 1, seed 5, 800 frames per cell"), "may share frames"),
        ("train", TrainingData("synthetic", "generator 1, seed 5"), "may share frames"),  # as once recorded
        ("test", TrainingData("synthetic", "generator 1, seed 50"), None),
        ("all", TrainingData(**vars(REAL)), None),
        ("all", TrainingData("none"), None),
    ],
)
def test_frames_seen_in_training_are_called_that(part: str, trained_on: TrainingData, reason: str | None):
    found = seen_in_training(trained_on, HERE, part)
    assert found is None if reason is None else reason in found
    metrics = measure(np.array([1]), np.array([0]), np.array([1]))
    assert Evaluation("checkpoint", "", HERE, part, 1, metrics, trained_on, 1.0).report.caution == found


@pytest.mark.parametrize(
    ("identity", "same"),
    [
        ("GOLD.hdf5, frames 0123456789ab, 40 frames per cell", True),
        ("renamed, frames of mine.hdf5, frames 0123456789ab, 40 frames per cell", True),
        ("mine.h5, frames ba9876543210, 40 frames per cell", False),
        ("mine.h5, frames 0123456789ab, 4096 frames per cell", False),
        ("mine.h5", False),
    ],
)
def test_frames_are_known_by_what_they_are_not_by_their_files_name(identity: str, same: bool):
    trained_on = TrainingData("unknown", identity)
    assert same_file(trained_on, MINE) == same
    if same:
        assert seen_in_training(trained_on, MINE, "test") is None
        assert "most of these frames" in seen_in_training(trained_on, MINE, "all")
    else:
        assert "may share frames" in seen_in_training(trained_on, MINE, "test")


def test_parts_of_one_whole_have_one_split():
    part = Origin("real", "RadioML 2018.01A, a part (high.h5), frames 00, 98304 frames of all classes at SNR 30 dB")
    for trained_on, frames in ((REAL, part), (part, REAL)):
        assert seen_in_training(TrainingData(**vars(trained_on)), frames, "test") is None
        for name in ("train", "validation", "all"):
            assert "shares frames with this" in seen_in_training(TrainingData(**vars(trained_on)), frames, name)
    cut = Origin("synthetic", f"{HERE.identity}, cut to frames 00, 24 frames of all classes at SNR 30 dB")
    assert seen_in_training(TrainingData(**vars(HERE)), cut, "test") is None
    assert "shares frames" in seen_in_training(TrainingData(**vars(HERE)), cut, "all")
    other = Origin("synthetic", "generator 1, seed 5, reordered, frames 00, 4 frames per cell")
    assert "may share frames" in seen_in_training(TrainingData(**vars(HERE)), other, "test")


@pytest.mark.parametrize("other", [HERE, REAL, Origin("unknown", "another.h5, frames 00, 1 frames per cell")])
def test_frames_of_unknown_origin_may_be_anybodys(other: Origin):
    for trained_on, frames in ((other, MINE), (MINE, other)):
        assert "may share frames" in seen_in_training(TrainingData(**vars(trained_on)), frames, "test")
    assert seen_in_training(TrainingData("none, untrained"), MINE, "all") is None


def test_weights_that_training_started_from_count_too():
    start = TrainingData("real", "half.hdf5, frames 00, 40 frames per cell")  # as once recorded
    trained_on = TrainingData(**vars(HERE), started_from=StartedFrom("00", start))
    assert seen_in_training(trained_on, HERE, "test") is None
    assert "its weights started from a network" in seen_in_training(trained_on, REAL, "test")
    trained_on = TrainingData(**vars(HERE), started_from=StartedFrom("00", TrainingData(**vars(REAL))))
    assert "these frames trained the network" in seen_in_training(trained_on, REAL, "train")
    assert seen_in_training(trained_on, REAL, "test") is None


@pytest.fixture
def unmarked(tmp_path: Path) -> Path:
    """Two frames a cell, as a script writes them."""
    path = tmp_path / "mine.h5"
    class_index, snr_db = Layout.full(2).labels(np.arange(2 * CELLS))
    with h5py.File(path, "w") as file:
        file["X"] = np.random.default_rng(0).normal(size=(2 * CELLS, 1024, 2)).astype(np.float32)
        file["Y"], file["Z"] = np.eye(24, dtype=np.int64)[class_index], snr_db[:, None]
    return path


def test_an_unmarked_file_is_of_unknown_origin_and_known_by_its_frames_and_size(unmarked: Path, tmp_path: Path):
    found = origin(unmarked)
    assert found.kind == "unknown" and found.identity.startswith("mine.h5, frames ")
    assert found.identity.endswith(", 2 frames per cell")
    assert str(found).startswith("data of unknown origin (mine.h5, ")
    renamed = Path(shutil.copyfile(unmarked, tmp_path / "GOLD_XYZ_OSC.0001_1024.hdf5"))
    assert same_file(TrainingData(**vars(found)), origin(renamed)), "the published file's name proves nothing"
    with h5py.File(renamed, "r+") as file:
        file["X"][2 * 400, 5, 0] += 1
    assert not same_file(TrainingData(**vars(found)), origin(renamed))


def test_a_synthetic_file_that_is_saved_again_is_unknown(synthetic_file: Callable[[int], Path], tmp_path: Path):
    with h5py.File(synthetic_file(1)) as made, h5py.File(tmp_path / "saved.h5", "w") as saved:
        for name in "XYZ":
            saved[name] = made[name][:]
    assert origin(synthetic_file(1)).kind == "synthetic"
    assert origin(tmp_path / "saved.h5").kind == "unknown"


def test_the_published_file_is_real_and_so_is_what_was_cut_out_of_it(
    unmarked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RADIOML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(provenance, "PUBLISHED_BYTES", unmarked.stat().st_size)
    assert origin(unmarked).kind == "unknown", "of the size alone"
    for module in (provenance, subset):
        monkeypatch.setattr(module, "PUBLISHED_SHA256", sha256(unmarked))
    found = origin(unmarked)
    assert found.kind == "real" and found.identity.startswith("RadioML 2018.01A (mine.h5), frames ")
    assert str(found).startswith("real data (")
    part = tmp_path / "part.h5"
    write_subset(unmarked, part, snrs_db=[30])
    assert origin(part).kind == "real" and origin(part).identity.startswith("RadioML 2018.01A, a part (part.h5)")
    again = tmp_path / "again.h5"
    write_subset(part, again, classes=[3])
    assert origin(again).kind == "real"
    with h5py.File(part, "r+") as file:
        file["X"][0, 0, 0] += 1
    assert origin(part).kind == "unknown", "it was changed"
    with h5py.File(again, "r+") as file:
        file["X"][1, 0, 0] += 1  # where the quick look does not see it
    assert "X is not what `radioml data` wrote" in "".join(check_dataset(again).problems)
