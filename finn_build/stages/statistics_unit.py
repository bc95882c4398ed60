"""The stages of a statistics unit: from the QONNX network to its estimate and its HDL, without FINN."""

from __future__ import annotations

import shutil
from pathlib import Path

from finn_build.boards import Board
from finn_build.engine.cached_steps import CachedSteps
from finn_build.engine.paths import NETWORK
from finn_build.engine.step import Step
from finn_build.exploration.choose_folding import Goal
from finn_build.exploration.choose_lanes import SAMPLES, choose_lanes
from finn_build.stages.rtl import build_rtl
from finn_build.stages.unit_hdl import write_hdl
from finn_build.statistics_unit.read import read_unit
from finn_build.statistics_unit.schedule import schedule
from finn_build.statistics_unit.unit import NAME
from radioml.contract.estimate import Estimate
from radioml.contract.metadata import ModelMetadata, load_exported
from radioml.files import replacing, write_json
from radioml.run_directory import ESTIMATE, FOLDING, RTL
from radioml.simulation.design import Design, read_design

ESTIMATE_UNIT = Step("estimate_unit", "read and estimate the statistics unit", depends_on_board=True)
UNIT_HDL = Step("unit_hdl", "generate HDL", depends_on_board=True)


def build_unit_estimate(steps: CachedSteps, path: Path, metadata: ModelMetadata, board: Board, goal: Goal) -> None:
    """Write `NETWORK`, `ESTIMATE` and `FOLDING` to the build folder.

    Raises RadioMLError with a line for each node that has no RTL, and for a goal that no unit reaches.
    """
    folder = steps.folder
    with replacing(folder / NETWORK) as temporary:
        shutil.copyfile(path, temporary)

    def run() -> None:
        found = choose_lanes(load_exported(folder / NETWORK)[0], metadata.logit_scale, board, goal)
        found.write(folder / ESTIMATE)
        write_json(folder / FOLDING, {NAME: found.layers[0].folding})

    inputs = {"goal": goal.inputs(), "board": board.name, "usable": board.usable}
    steps.run(ESTIMATE_UNIT, run, reads=[NETWORK], made=[FOLDING, ESTIMATE], inputs=inputs)


def build_unit_rtl(
    steps: CachedSteps, metadata: ModelMetadata, board: Board, network: Path, golden: Path, estimated: Estimate
) -> None:
    """`build_rtl` with the HDL of a unit."""
    build_rtl(steps, metadata, board, network, golden, estimated, hdl=_hdl)


def _hdl(steps: CachedSteps, board: Board, estimated: Estimate) -> Design:
    """Write `RTL`."""
    folder = steps.folder

    def run() -> None:
        model, metadata = load_exported(folder / NETWORK)
        unit = read_unit(model, metadata.logit_scale, estimated.layers[0].folding[SAMPLES])
        shutil.rmtree(folder / RTL, ignore_errors=True)
        write_hdl(unit, schedule(unit), board, folder / RTL)

    steps.run(UNIT_HDL, run, reads=[NETWORK, ESTIMATE], made=[RTL], inputs=board.name)
    return read_design(folder / RTL)
