"""Netlists of small units by Yosys: delay lines are memories, tables block RAMs, logits those of the evaluator."""

from __future__ import annotations

import re

import numpy as np
import pytest

from finn_build.boards import load_board
from finn_build.stages.unit_hdl import write_hdl
from finn_build.statistics_unit.evaluator import Evaluation
from finn_build.statistics_unit.modules import MODULE
from finn_build.statistics_unit.resources import resources
from finn_build.statistics_unit.schedule import schedule
from finn_build.synthesis.cells import resources_of
from finn_build.synthesis.netlists import groups_of, synthesise
from finn_build.synthesis.scripts import yosys_family
from finn_build.verify.gate_design import netlist_layers, whole
from finn_build.verify.gate_rungs import gate_simulator
from radioml.simulation.rtl_simulator import RtlSimulator
from tests.finn_build.statistics_unit.graphs import frames, rows
from tests.finn_build.statistics_unit.test_tables import functions


@pytest.mark.rtl
@pytest.mark.parametrize("name", ["ULX3S", "ZCU104"])
def test_long_delay_lines_take_no_flip_flops(name, tmp_path):
    pytest.importorskip("pyosys", reason="Yosys is absent: pip install -r requirements/synthesis.txt")
    unit, board, integers = rows().unit(lanes=1), load_board(name), frames(2, seed=5)
    design = write_hdl(unit, schedule(unit), board, tmp_path / "rtl")
    text = (tmp_path / "rtl" / f"{MODULE}.sv").read_text()
    lines = [(int(a), int(b)) for a, b in re.findall(r"LENGTH\((\d+)\), \.WIDTH\((\d+)\)", text)]
    groups = groups_of(design, [layer.name for layer in design.layers])
    family = yosys_family(board)
    (made,) = synthesise(groups, tmp_path / "rtl", family, tmp_path / "yosys", lambda done: None).values()
    assert resources_of(made.cells)["FF"] < sum(length * width for length, width in lines) / 2

    layers = netlist_layers(groups)
    (tmp_path / "netlists").mkdir()
    (tmp_path / "netlists" / f"{layers[0].name}.v").write_text(made.verilog.read_text())
    library = gate_simulator(whole(design, layers), tmp_path / "netlists", made.cells, family, tmp_path / "gates")
    with RtlSimulator(library, library.parent, design.input, design.output) as simulator:
        found = simulator.run(integers, timeout_cycles=5000, stall_seed=1)
    assert np.array_equal(found.integers, Evaluation(unit, integers).logits)


@pytest.mark.rtl
def test_tables_take_the_block_rams_of_the_estimate(tmp_path):
    pytest.importorskip("pyosys", reason="Yosys is absent: pip install -r requirements/synthesis.txt")
    unit, board = functions().unit(lanes=1), load_board("ZCU104")
    design = write_hdl(unit, schedule(unit), board, tmp_path / "rtl")
    groups = groups_of(design, [layer.name for layer in design.layers])
    (made,) = synthesise(groups, tmp_path / "rtl", yosys_family(board), tmp_path / "yosys", lambda done: None).values()
    assert resources_of(made.cells)["BRAM_18K"] == resources(unit)[2] > 0
