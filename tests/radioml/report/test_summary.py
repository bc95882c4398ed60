from __future__ import annotations

from pathlib import Path

import pytest

from radioml.errors import RadioMLError
from radioml.files import write_json
from radioml.report.summary import summarise


def test_each_stage_adds_its_rows(tmp_path: Path):
    write_json(tmp_path / "train" / "score.json", {"score": 0.25})
    assert dict(summarise(tmp_path))["inference cost score"].startswith("0.2500")
    simulation = {
        "board": "ZCU104", "frames": 10, "mismatching_frames": 1, "cycles_per_frame": 128, "frames_per_second": 2e6,
        "clock_mhz": 250, "latency_us": 4.0, "reference": "Brevitas",
    }  # fmt: skip
    write_json(tmp_path / "build" / "ZCU104" / "simulation" / "simulation.json", simulation)
    rows = dict(summarise(tmp_path))
    assert rows["RTL against Brevitas"] == "9 of 10 frames integer-equal"
    assert "2,000,000 frames/s" in rows["ZCU104, RTL simulated"]
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "accuracy_over_snr.png").touch()
    assert dict(summarise(tmp_path))["plot"].endswith("accuracy_over_snr.png")


def test_an_empty_run_and_a_broken_file_are_errors(tmp_path: Path):
    with pytest.raises(RadioMLError, match="no results there"):
        summarise(tmp_path)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "score.json").write_text("{")
    with pytest.raises(RadioMLError, match="not valid JSON"):
        summarise(tmp_path)


def test_a_run_without_figures_says_what_comes_next(tmp_path: Path):
    (tmp_path / "train").mkdir()
    for name, what in (
        ("last.ckpt", "continues it"),
        ("checkpoint.pth", "radioml export"),
        ("model.onnx", "radioml score"),
    ):
        (tmp_path / "train" / name).touch()
        assert what in dict(summarise(tmp_path))["next"]
