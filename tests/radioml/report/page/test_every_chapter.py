"""The page of a run that has all files, as earlier versions of the commands wrote them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from radioml.contract.accuracy import DriverAccuracy, EvaluationReport, TrainedMetrics
from radioml.contract.implementation import Implementation
from radioml.contract.ladder import LadderReport
from radioml.contract.score import Score
from radioml.contract.simulation import SimulationReport
from radioml.contract.speed import BenchReport
from radioml.contract.synthesis import Synthesis
from radioml.errors import RadioMLError
from radioml.files import write_json
from radioml.report.page.render import render
from radioml.report.page.run_content import read_run
from radioml.report.page.run_page import comparison_page, run_page
from tests.radioml.contract.test_estimate import ESTIMATE
from tests.radioml.contract.written import WRITTEN

BUILD = "build/ZCU104"
FILES = {
    "train/score.json": Score,
    "train/metrics.json": TrainedMetrics,
    "evaluation/checkpoint-test/evaluation.json": EvaluationReport,
    "deploy/accuracy.json": DriverAccuracy,
    "deploy/bench.json": BenchReport,
    f"{BUILD}/simulation/simulation.json": SimulationReport,
    f"{BUILD}/verify.json": LadderReport,
    f"{BUILD}/synthesis/synthesis.json": Synthesis,
    f"{BUILD}/bitfile/implementation.json": Implementation,
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for name, kind in FILES.items():
        write_json(tmp_path / name, WRITTEN[kind])
    ESTIMATE.write(tmp_path / BUILD / "estimate.json")
    write_json(tmp_path / BUILD / "simulation" / "fifo_depths.json", {"StreamingFIFO_rtl_0": 2})
    return tmp_path


def test_every_chapter_is_drawn(run: Path):
    content = read_run(run)
    assert [one.name for one in content.measurements] == [
        "after training, test part", "evaluated: checkpoint-test", "driver, backend simulation",
    ]  # fmt: skip
    page = run_page(content)
    assert [section.name for section in page.sections] == [
        "accuracy", "cost", "estimate-ZCU104", "rtl-ZCU104", "ladder-ZCU104", "implementation-ZCU104", "driver",
    ]  # fmt: skip
    text = render(page)
    for figure in ("9 of 10 frames", "RTL, random stalls", "1,234 LUT", "Vivado v.2022.2: timing met", "0.750000"):
        assert figure in text
    assert "0.500000" in render(comparison_page([content, content]))


def test_block_rams_stand_beside_the_logic(run: Path):
    def details() -> list[str]:
        return [one.detail for one in run_page(read_run(run)).headlines if one.label == "resources, ZCU104"]

    total = ESTIMATE.total | {"BRAM_18K": 99, "URAM": 0}
    replace(ESTIMATE, total=total).write(run / BUILD / "estimate.json")
    assert details() == ["With 99 BRAM_18K.", ""], "the estimate's, and those of the synthesis, which has none"


@pytest.mark.parametrize("content", ["[]", '{"f": "2"}', '{"f": true}', "{"])
def test_fifo_depths_that_are_none_are_named(run: Path, content: str):
    (run / BUILD / "simulation" / "fifo_depths.json").write_text(content)
    with pytest.raises(RadioMLError, match=r"fifo_depths\.json: "):
        read_run(run)


@pytest.mark.parametrize("name", ["estimate.json", "synthesis/synthesis.json"])
def test_a_resource_that_is_missing_is_named(run: Path, name: str):
    path = run / BUILD / name
    path.write_text(path.read_text().replace('"DSP"', '"FF"'))
    with pytest.raises(RadioMLError, match=r"DSP is missing; `radioml build.*` makes the file again"):
        read_run(run)
