from __future__ import annotations

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from radioml.report.tradeoff_plot import PUBLISHED, Point, pareto_front, tradeoff


def test_the_front_is_what_nothing_beats():
    cheap, dear, worse, equal = (
        Point("cheap", 0.1, 0.5), Point("dear", 0.3, 0.6), Point("worse", 0.2, 0.5), Point("equal", 0.3, 0.55),
    )  # fmt: skip
    assert pareto_front([dear, equal, worse, cheap]) == [cheap, dear]
    assert pareto_front([]) == []


def test_a_conservative_score_is_drawn_where_it_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: (drawn.append(self), Path(path).touch()))
    points = [Point("small", 0.001, 0.6, conservative=0.002), Point("plain", 0.1, 0.7, conservative=0.1)]
    tradeoff(tmp_path / "plot.png", {"data": points}, [Point("first", 0.0162, 0.562)])
    (figure,) = drawn
    hollow = [line for line in figure.axes[0].lines if line.get_fillstyle() == "none" and line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in hollow if len(line.get_xdata())] == [[0.001, 0.002]]
    assert "conservative score" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_groups_keep_their_own_fronts_and_no_label_covers_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    drawn: list[Figure] = []
    original = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (drawn.append(self), original(self, *a, **k))[1])
    groups = {
        "synthetic data: A": [Point(f"network_{n}", 0.05 * 1.05**n, 0.5 + 0.002 * n, (0.49, 0.52)) for n in range(6)],
        "synthetic data: B": [Point("better", 0.01, 0.9)],
    }
    tradeoff(tmp_path / "plot.png", groups, [Point("first", 0.0162, 0.562), Point("second", 0.0157, 0.561)])
    value = json.loads((tmp_path / "plot.json").read_text())
    assert value["pareto_fronts"]["synthetic data: A"] == [f"network_{n}" for n in range(6)], "B's does not beat them"
    assert [p["label"] for p in value[PUBLISHED]] == ["first", "second"]
    (figure,) = drawn
    assert PUBLISHED in [text.get_text() for text in figure.legends[0].get_texts()]
    labels = [text for text in figure.axes[0].texts if isinstance(text, Annotation)]
    boxes = [Text.get_window_extent(label) for label in labels]
    assert len(boxes) == 9
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
