from __future__ import annotations

import numpy as np
import pytest

from radioml.check import Origin
from radioml.evaluation import Evaluation
from radioml.metrics import measure

HERE = "generator 1, seed 5, 4 frames per cell"


@pytest.mark.parametrize(
    ("part", "trained_on", "caution"),
    [
        ("test", ("synthetic", HERE), None),
        ("train", ("synthetic", HERE), "trained the network"),
        ("validation", ("synthetic", HERE), "chose the network's checkpoint"),
        ("all", ("synthetic", HERE), "most of these frames"),
        ("all", ("synthetic", "generator 1, seed 6, 4 frames per cell"), None),
        ("test", ("synthetic", "generator 1, seed 5, 800 frames per cell"), "may share frames"),
        ("all", ("real", "GOLD.hdf5"), None),
    ],
)
def test_frames_seen_in_training_are_called_that(part: str, trained_on: tuple[str, str], caution: str | None):
    training_data = dict(zip(("kind", "identity"), trained_on, strict=True))
    metrics = measure(np.array([1]), np.array([0]), np.array([1]))
    result = Evaluation("checkpoint", "", Origin("synthetic", HERE), part, 1, metrics, training_data, 1.0)
    assert result.to_dict()["caution"] == result.caution
    assert result.caution is None if caution is None else caution in result.caution


def test_a_real_file_of_another_name_may_have_the_same_frames():
    metrics = measure(np.array([1]), np.array([0]), np.array([1]))
    trained = {"kind": "real", "identity": "half.hdf5"}
    result = Evaluation("checkpoint", "", Origin("real", "GOLD.hdf5"), "test", 1, metrics, trained, 1.0)
    assert "half.hdf5" in result.caution
