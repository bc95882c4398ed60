from __future__ import annotations

from pathlib import Path

import pytest

from radioml.errors import RadioMLError
from radioml.files import write_json
from radioml.report.summary import summarise
from tests.radioml.reading.damage import damaged


def test_each_stage_adds_its_rows(tmp_path: Path):
    write_json(tmp_path / "train" / "score.json", {"score": 0.25, "conservative": 0.5, "strictest": 0.75})
    assert dict(summarise(tmp_path))["inference cost score"].startswith("0.250000")
    assert dict(summarise(tmp_path))["conservative score"].startswith("0.500000")
    assert dict(summarise(tmp_path))["strictest score"].startswith("0.750000")
    simulation = {
        "board": "ZCU104", "frames": 10, "mismatching_frames": 1, "cycles_per_frame": 128, "frames_per_second": 2e6,
        "clock_mhz": 250, "latency_us": 4.0, "reference": "Brevitas",
    }  # fmt: skip
    write_json(tmp_path / "build" / "ZCU104" / "simulation" / "simulation.json", simulation)
    rows = dict(summarise(tmp_path))
    assert rows["RTL against Brevitas"] == "9 of 10 frames integer-equal"
    assert "2,000,000 frames/s" in rows["ZCU104, RTL simulated"]
    synthesis = {"kind": "synthesised by Yosys, not Vivado", "board": "ZCU104", "total": {"LUT": 1234, "FF": 5}}
    write_json(tmp_path / "build" / "ZCU104" / "synthesis" / "synthesis.json", synthesis)
    assert dict(summarise(tmp_path))["ZCU104, synthesised by Yosys, not Vivado"] == "1,234 LUT, 5 FF"
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


SHARE = {"frames": 624, "accuracy": 0.5, "low": 0.4, "high": 0.6}
WHOLE = {
    "train/score.json": {"score": 0.25, "conservative": 0.25, "strictest": 0.25},
    "build/ZCU104/estimate.json": {
        "board": "ZCU104", "cycles_per_frame": 128, "frames_per_second": 2e6, "clock_mhz": 250.0, "fits": True,
    },
    "build/ZCU104/simulation/simulation.json": {
        "board": "ZCU104", "frames": 10, "mismatching_frames": 1, "cycles_per_frame": 128, "frames_per_second": 2e6,
        "clock_mhz": 250, "latency_us": 4.0, "reference": "Brevitas",
    },
    "deploy/accuracy.json": {
        "backend": "simulation", "data": {"kind": "synthetic", "identity": "x"}, "training_data": {"kind": "synthetic"},
        "accuracy_of_the_trained_network": {"overall": 0.5, "frames": 9, "data": "d"}, "overall": SHARE,
        "at_30_db": {"frames": 0, "accuracy": None, "low": 0, "high": 1},
    },
}  # fmt: skip
"""File -> a value with all that the summary shows."""


def test_the_whole_summary(tmp_path: Path):
    for name, value in WHOLE.items():
        write_json(tmp_path / name, value)
    assert [what for what, _ in summarise(tmp_path)] == [
        "inference cost score", "ZCU104, estimated", "ZCU104, RTL simulated", "RTL against Brevitas",
        "network trained on", "its accuracy, after training", "accuracy over all classes and SNRs",
    ]  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_lacks_a_figure_or_has_another_type_is_named(name: str, tmp_path: Path):
    path = tmp_path / name
    for key, value in WHOLE[name].items():
        wrong = [[], "x" if isinstance(value, (int, float)) else 5, None]
        for changed in ({k: v for k, v in WHOLE[name].items() if k != key}, *({**WHOLE[name], key: w} for w in wrong)):
            write_json(path, changed)
            with pytest.raises(RadioMLError, match=f"{path.name}: .*{key}"):
                summarise(tmp_path)


@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_file_is_an_error_or_read(name: str, tmp_path: Path):
    path = tmp_path / name
    write_json(path, WHOLE[name])
    for content in damaged(path.read_bytes(), 100):
        path.write_bytes(content)
        try:
            summarise(tmp_path)
        except RadioMLError as error:
            assert str(error).startswith(f"{path}: ")
