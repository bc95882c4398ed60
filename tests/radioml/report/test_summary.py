from __future__ import annotations

from pathlib import Path

import pytest

from radioml.contract.accuracy import DriverAccuracy
from radioml.contract.score import Score
from radioml.contract.simulation import SimulationReport
from radioml.contract.synthesis import Synthesis
from radioml.errors import RadioMLError
from radioml.files import write_json
from radioml.report.summary import summarise
from tests.radioml.contract.test_estimate import ESTIMATE
from tests.radioml.contract.written import WRITTEN
from tests.radioml.reading.damage import damaged


def test_each_stage_adds_its_rows(tmp_path: Path):
    write_json(tmp_path / "train" / "score.json", WRITTEN[Score])
    assert dict(summarise(tmp_path))["inference cost score"].startswith("0.250000")
    assert dict(summarise(tmp_path))["conservative score"].startswith("0.500000")
    assert dict(summarise(tmp_path))["strictest score"].startswith("0.750000")
    write_json(tmp_path / "build" / "ZCU104" / "simulation" / "simulation.json", WRITTEN[SimulationReport])
    rows = dict(summarise(tmp_path))
    assert rows["RTL against Brevitas"] == "9 of 10 frames integer-equal"
    assert "2,000,000 frames/s" in rows["ZCU104, RTL simulated"]
    write_json(tmp_path / "build" / "ZCU104" / "synthesis" / "synthesis.json", WRITTEN[Synthesis])
    assert (
        dict(summarise(tmp_path))["ZCU104, synthesised by Yosys, not Vivado"]
        == "1,234 LUT, 5 FF, 0 BRAM_18K, 0 URAM, 0 DSP"
    )
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


WHOLE = {
    "train/score.json": {**WRITTEN[Score], "conservative": 0.25},
    "build/ZCU104/estimate.json": ESTIMATE.to_json(),
    "build/ZCU104/simulation/simulation.json": WRITTEN[SimulationReport],
    "deploy/accuracy.json": WRITTEN[DriverAccuracy],
}
"""File -> a value with all that the summary shows."""


def test_the_whole_summary(tmp_path: Path):
    for name, value in WHOLE.items():
        write_json(tmp_path / name, value)
    assert [what for what, _ in summarise(tmp_path)] == [
        "inference cost score", "ZCU104, estimated", "ZCU104, RTL simulated", "RTL against Brevitas",
        "network trained on", "its accuracy, after training", "accuracy over all classes and SNRs",
    ]  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_lacks_a_figure_is_named(name: str, tmp_path: Path):
    lacks = dict(list(WHOLE[name].items())[1:])
    write_json(tmp_path / name, lacks)
    with pytest.raises(RadioMLError, match=rf"{Path(name).name}: .* is missing; `radioml .*` makes the file again"):
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
