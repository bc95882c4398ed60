"""The chapter on the driver says what its figures are of."""

from __future__ import annotations

import pytest

from radioml.contract.speed import BenchReport
from radioml.reading.records import record
from radioml.report.page.driver import driver_section
from radioml.report.page.parts import ON_BOARD, ON_HOST
from tests.radioml.contract.written import WRITTEN


@pytest.mark.parametrize(
    ("runs_on", "condition"),
    [("board", ON_BOARD), ("simulated board", ON_HOST), ("RTL simulation", ON_HOST), ("software", ON_HOST)],
)
def test_only_a_boards_figures_are_measured_on_a_board(runs_on: str, condition: object):
    assert driver_section(record({**WRITTEN[BenchReport], "runs_on": runs_on}, BenchReport)).condition is condition
