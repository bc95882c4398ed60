"""The stages of a statistics unit: from the QONNX network to its estimate and its HDL, without FINN."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from finn_build.boards import Board
from finn_build.engine.cached_steps import CachedSteps
from finn_build.engine.paths import NETWORK
from finn_build.engine.step import Step
from finn_build.estimate.result import RESOURCES, Estimate, Folded, LayerEstimate
from finn_build.estimate.small_luts import OF_UNIT, caveats, luts_of
from finn_build.exploration.choose_folding import Goal
from finn_build.stages.rtl import build_rtl
from finn_build.stages.unit_hdl import NAME, write_hdl
from finn_build.statistics_unit.resources import NOT_COUNTED, resources
from finn_build.statistics_unit.schedule import schedule
from finn_build.statistics_unit.unit import LANES, Unit, read_unit
from radioml.contract.metadata import ModelMetadata, load_exported
from radioml.errors import RadioMLError
from radioml.files import replacing, write_json
from radioml.run_directory import ESTIMATE, FOLDING, RTL
from radioml.simulation.design import Design, read_design

ESTIMATE_UNIT = Step("estimate_unit", "read and estimate the statistics unit", depends_on_board=True)
UNIT_HDL = Step("unit_hdl", "generate HDL", depends_on_board=True)
_SAMPLES = "SIMD"
"""What folding.json calls the samples that the unit takes a cycle."""


def build_unit_estimate(steps: CachedSteps, path: Path, metadata: ModelMetadata, board: Board, goal: Goal) -> None:
    """Write `NETWORK`, `ESTIMATE` and `FOLDING` to the build folder.

    Raises RadioMLError with a line for each node that has no RTL, and for a goal that no unit reaches.
    """
    folder = steps.folder
    with replacing(folder / NETWORK) as temporary:
        shutil.copyfile(path, temporary)

    def run() -> None:
        found = _chosen(folder / NETWORK, metadata, board, goal)
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
        unit = read_unit(model, metadata.logit_scale, estimated.layers[0].folding[_SAMPLES])
        shutil.rmtree(folder / RTL, ignore_errors=True)
        write_hdl(unit, schedule(unit), board, folder / RTL)

    steps.run(UNIT_HDL, run, reads=[NETWORK, ESTIMATE], made=[RTL], inputs=board.name)
    return read_design(folder / RTL)


def _chosen(path: Path, metadata: ModelMetadata, board: Board, goal: Goal) -> Estimate:
    """The estimate of the unit that meets a goal: 8 samples a cycle if there is none."""
    model, _ = load_exported(path)
    start = time.perf_counter()

    def estimated(lanes: int) -> Estimate:
        return estimate_unit(read_unit(model, metadata.logit_scale, lanes), board, goal, time.perf_counter() - start)

    if goal.folding is not None:
        lanes = goal.folding.get(NAME, {}).get(_SAMPLES)
        if lanes not in LANES:
            raise RadioMLError(f"{goal.file}: {NAME} takes {_SAMPLES} samples a cycle, one of {LANES}, not {lanes}")
        return estimated(int(lanes))
    if goal.margin_percent is not None:
        budget = {name: board.usable[name] * (100 - goal.margin_percent) // 100 for name in RESOURCES}
        tried = [estimated(lanes) for lanes in reversed(LANES)]
        fitting = [one for one in tried if not one.excess(budget)]
        if not fitting:
            raise RadioMLError(f"with one sample a cycle it takes {', '.join(tried[-1].excess(budget))}")
        return fitting[0]
    if goal.target_fps is None:
        return estimated(LANES[-1])
    for lanes in LANES:
        if (found := estimated(lanes)).frames_per_second >= goal.target_fps:
            return found
    raise RadioMLError(
        f"--target-fps {goal.target_fps}: the unit reaches {found.frames_per_second:,.0f} frames/s on {board.name}"
    )


def estimate_unit(unit: Unit, board: Board, goal: Goal, seconds: float) -> Estimate:
    """Cycles by the unit's schedule, resources by formula."""
    timing = schedule(unit)
    by_kind, dsps = resources(unit)
    total = dict.fromkeys(RESOURCES, 0) | {"LUT": luts_of(board, sum(by_kind.values()), OF_UNIT), "DSP": dsps}
    cycles = unit.beats + timing.fillers
    latency = cycles + timing.start + timing.length
    kinds = ", ".join(f"{name} {count:,}" for name, count in sorted(by_kind.items(), key=lambda item: -item[1]))
    available = {name: board.usable[name] for name in RESOURCES}
    nothing = dict.fromkeys(RESOURCES, 0)
    return Estimate(
        kind="estimated",
        caveats=(
            f"LUT and DSP are formulas of our own (finn_build/statistics_unit/resources.py); LUT: {kinds}",
            f"not counted: {NOT_COUNTED}",
            *caveats(board),
        ),
        board=board.name,
        part=board.part,
        clock_mhz=board.clock_mhz,
        cycles_per_frame=cycles,
        slowest_layer=NAME,
        frames_per_second=board.clock_mhz * 1e6 / cycles,
        latency_cycles_at_most=latency,
        latency_us_at_most=latency / board.clock_mhz,
        layers=(LayerEstimate(NAME, (), cycles, {_SAMPLES: unit.lanes}, total, nothing),),
        finn=total,
        correction=nothing,
        total=total,
        available=available,
        fits=all(total[name] <= available[name] for name in RESOURCES),
        folded=Folded(
            limit=f"{unit.beats} beats of {unit.lanes} samples, and {timing.fillers} fillers for the filters' delay",
            **goal.inputs(),
        ),
        seconds=round(seconds, 1),
    )
