"""The chapter on the driver says what its figures are of."""

from __future__ import annotations

from typing import Any

import pytest

from radioml.report.page.driver import driver_section
from radioml.report.page.parts import ON_BOARD, ON_HOST

BENCH: dict[str, Any] = {
    "board": "ZCU104", "figures": "measured on ZCU104", "runs_on": "board",
    "latency_of_one_frame": {"median_seconds": 1e-3, "repeats": 9}, "streaming": {"frames_per_second": None},
    "batches": [{"frames": 1, "frames_per_second": 1e3, "parts_seconds": {"pack": 1e-5, "accelerator": None}}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("runs_on", "condition"),
    [("board", ON_BOARD), ("simulated board", ON_HOST), ("RTL simulation", ON_HOST), ("software", ON_HOST)],
)
def test_only_a_boards_figures_are_measured_on_a_board(runs_on: str, condition: object):
    assert driver_section({**BENCH, "runs_on": runs_on}).condition is condition
