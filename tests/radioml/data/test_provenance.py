"""Which frames a network may have learnt from, by what it carries of its training and by what their file is."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from radioml.data.dataset import CELLS
from radioml.data.provenance import Origin, origin, same_file, seen_in_training
from radioml.report.evaluation import Evaluation
from radioml.report.metrics import measure

HERE = Origin("synthetic", "generator 1, seed 5, 4 frames per cell")
REAL = Origin("real", "GOLD.hdf5, frames 0123456789ab, 4096 frames per cell")


@pytest.mark.parametrize(
    ("part", "trained_on", "reason"),
    [
        ("test", vars(HERE), None),
        ("train", vars(HERE), "these frames trained the network"),
        ("validation", vars(HERE), "chose the network's checkpoint"),
        ("all", vars(HERE), "most of these frames"),
        ("all", {"kind": "synthetic", "identity": "generator 1, seed 6, 4 frames per cell"}, None),
        ("test", {"kind": "synthetic", "identity": "generator 1, seed 5, 800 frames per cell"}, "may share frames"),
        ("train", {"kind": "synthetic", "identity": "generator 1, seed 5"}, "may share frames"),  # as once recorded
        ("test", {"kind": "synthetic", "identity": "generator 1, seed 50"}, None),
        ("all", vars(REAL), None),
        ("all", {}, None),
    ],
)
def test_frames_seen_in_training_are_called_that(part: str, trained_on: dict[str, str], reason: str | None):
    found = seen_in_training(trained_on, HERE, part)
    assert found is None if reason is None else reason in found
    metrics = measure(np.array([1]), np.array([0]), np.array([1]))
    assert Evaluation("checkpoint", "", HERE, part, 1, metrics, trained_on, 1.0).to_dict()["caution"] == found


@pytest.mark.parametrize(
    ("identity", "same"),
    [
        ("GOLD.hdf5, frames 0123456789ab, 4096 frames per cell", True),
        ("renamed, frames of mine.hdf5, frames 0123456789ab, 4096 frames per cell", True),
        ("GOLD.hdf5, frames ba9876543210, 4096 frames per cell", False),
        ("GOLD.hdf5, frames 0123456789ab, 40 frames per cell", False),
        ("GOLD.hdf5", False),
    ],
)
def test_real_frames_are_known_by_what_they_are_not_by_their_files_name(identity: str, same: bool):
    trained_on = {"kind": "real", "identity": identity}
    assert same_file(trained_on, REAL) == same
    if same:
        assert seen_in_training(trained_on, REAL, "test") is None
        assert "most of these frames" in seen_in_training(trained_on, REAL, "all")
    else:
        assert "may share frames" in seen_in_training(trained_on, REAL, "test")


def test_weights_that_training_started_from_count_too():
    start = {"kind": "real", "identity": "half.hdf5, frames 00, 40 frames per cell"}
    trained_on = {**vars(HERE), "started_from": {"checkpoint_sha256": "00", "training_data": start}}
    assert seen_in_training(trained_on, HERE, "test") is None
    assert "its weights started from a network" in seen_in_training(trained_on, REAL, "test")
    start.update(vars(REAL))
    assert "these frames trained the network" in seen_in_training(trained_on, REAL, "train")
    assert seen_in_training(trained_on, REAL, "test") is None


def test_a_real_file_is_known_by_its_frames_and_size(tmp_path: Path):
    path = tmp_path / "real.h5"
    with h5py.File(path, "w") as file:
        file["X"] = np.random.default_rng(0).normal(size=(2 * CELLS, 1024, 2)).astype(np.float32)
        file["Y"], file["Z"] = np.zeros((2 * CELLS, 24), np.int64), np.zeros((2 * CELLS, 1), np.int64)
    found = origin(path)
    assert found.kind == "real" and found.identity.startswith("real.h5, frames ")
    assert found.identity.endswith(", 2 frames per cell")
    renamed = Path(shutil.copyfile(path, tmp_path / "renamed.h5"))
    assert same_file(vars(found), origin(renamed))
    with h5py.File(renamed, "r+") as file:
        file["X"][2 * 400, 5, 0] += 1
    assert not same_file(vars(found), origin(renamed))
