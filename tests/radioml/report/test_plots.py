"""The figures: images that open, numbers beside them, and the data's kind in both."""

from __future__ import annotations

import json

import numpy as np
import pytest

from radioml.contract.history import Epoch
from radioml.report.metrics import measure
from radioml.report.plots import accuracy_by_class, accuracy_over_snr, confusion_matrix
from radioml.report.training_plot import training_curve

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def metrics():
    rng = np.random.default_rng(0)
    class_index = np.arange(480) % 24
    return measure(class_index, rng.choice([-20, 0, 30], 480), rng.integers(0, 24, 480))


def test_accuracy_over_snr_with_two_curves(tmp_path, metrics):
    accuracy_over_snr(tmp_path / "curve.png", {"one": metrics, "other": metrics}, "two", "synthetic data (seed 1)")
    assert (tmp_path / "curve.png").read_bytes().startswith(PNG)
    value = json.loads((tmp_path / "curve.json").read_text())
    assert value["data"] == "synthetic data (seed 1)"
    assert value["curves"]["other"]["overall"]["frames"] == 480


def test_confusion_matrix_at_one_snr(tmp_path, metrics):
    confusion_matrix(tmp_path / "confusion.png", metrics, "net", "synthetic data", snr_db=30)
    assert (tmp_path / "confusion.png").read_bytes().startswith(PNG)
    value = json.loads((tmp_path / "confusion.json").read_text())
    assert np.array_equal(value["counts"], metrics.confusion(30))
    assert value["snr_db"] == 30


def test_accuracy_by_class(tmp_path, metrics):
    right = np.arange(24)
    all_or_nothing = measure(right, np.zeros(24, int), np.where(right < 12, right, 0))
    for name, drawn in (("usual", metrics), ("extreme", all_or_nothing)):
        accuracy_by_class(tmp_path / f"{name}.png", drawn, "net", "synthetic data")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(PNG)
    value = json.loads((tmp_path / "extreme.json").read_text())
    assert [value["per_class"][name]["accuracy"] for name in ("8ASK", "OQPSK")] == [1, 0]


@pytest.mark.parametrize("draw", ["curve", "classes", "confusion"])
def test_the_kind_of_data_stands_in_the_title(tmp_path, metrics, draw, monkeypatch):
    from matplotlib.axes import Axes

    titles = []
    monkeypatch.setattr(Axes, "set_title", lambda self, text, **_: titles.append(text))
    if draw == "curve":
        accuracy_over_snr(tmp_path / "plot.png", {"net": metrics}, "net", "synthetic data")
    elif draw == "classes":
        accuracy_by_class(tmp_path / "plot.png", metrics, "net", "synthetic data")
    else:
        confusion_matrix(tmp_path / "plot.png", metrics, "net", "synthetic data")
    assert "synthetic data" in titles[0]


@pytest.mark.parametrize("epochs", [1, 30])
def test_the_curve_of_a_training(tmp_path, epochs):
    history = [Epoch(n + 1, 3 - n / 20, 3.1, 0.1 + n / 100) for n in range(epochs)]
    training_curve(tmp_path / "curve.png", history, "net", "validation part, synthetic data")
    assert (tmp_path / "curve.png").read_bytes().startswith(PNG)
