"""Deciding how many samples a cycle a statistics unit takes: for a rate, as a file says, or as many as fit a board."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from finn_build.estimate.small_luts import OF_UNIT, caveats, luts_of
from finn_build.exploration.choose_folding import DoesNotFitError
from finn_build.statistics_unit.read import read_unit
from finn_build.statistics_unit.resources import NOT_COUNTED, resources
from finn_build.statistics_unit.schedule import schedule
from finn_build.statistics_unit.unit import LANES, NAME, Unit
from radioml.contract.estimate import RESOURCES, Estimate, Folded, LayerEstimate
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    import onnx

    from finn_build.boards import Board
    from finn_build.exploration.choose_folding import Goal

SAMPLES = "SIMD"
"""What folding.json calls the samples that the unit takes a cycle."""


def choose_lanes(model: onnx.ModelProto, logit_scale: float, board: Board, goal: Goal) -> Estimate:
    """The estimate of the unit of a QONNX model that meets a goal; without a goal the unit takes 8 samples a cycle.

    Raises RadioMLError with a line for each node that has no RTL, for samples a cycle that no unit takes, and for a
    rate that none reaches; DoesNotFitError when no unit fits the board.
    """
    start = time.perf_counter()

    def estimated(lanes: int) -> Estimate:
        return _estimate(read_unit(model, logit_scale, lanes), board, goal, time.perf_counter() - start)

    if goal.folding is not None:
        asked = goal.folding.get(NAME, {}).get(SAMPLES)
        if asked not in LANES:
            raise RadioMLError(f"{goal.file}: {NAME} takes {SAMPLES} samples a cycle, one of {LANES}, not {asked}")
        return estimated(int(asked))
    if goal.margin_percent is not None:
        budget = {name: board.usable[name] * (100 - goal.margin_percent) // 100 for name in RESOURCES}
        for lanes in reversed(LANES):
            if not (excess := (found := estimated(lanes)).excess(budget)):
                return found
        raise DoesNotFitError(found, excess, "one sample a cycle")
    if goal.target_fps is None:
        return estimated(LANES[-1])
    for lanes in LANES:
        if (found := estimated(lanes)).frames_per_second >= goal.target_fps:
            return found
    raise RadioMLError(
        f"--target-fps {goal.target_fps}: the unit reaches {found.frames_per_second:,.0f} frames/s on {board.name}"
    )


def _estimate(unit: Unit, board: Board, goal: Goal, seconds: float) -> Estimate:
    """Cycles by the unit's schedule, resources by formula."""
    timing = schedule(unit)
    by_kind, dsps, rams = resources(unit)
    luts = luts_of(board, sum(by_kind.values()), OF_UNIT)
    total = dict.fromkeys(RESOURCES, 0) | {"LUT": luts, "DSP": dsps, "BRAM_18K": rams}
    cycles = unit.beats + timing.fillers
    latency = cycles + timing.start + timing.length
    kinds = ", ".join(f"{name} {count:,}" for name, count in sorted(by_kind.items(), key=lambda item: -item[1]))
    available = {name: board.usable[name] for name in RESOURCES}
    nothing = dict.fromkeys(RESOURCES, 0)
    return Estimate(
        kind="estimated",
        caveats=(
            f"LUT, DSP and BRAM_18K are formulas of our own (finn_build/statistics_unit/resources.py); LUT: {kinds}",
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
        layers=(LayerEstimate(NAME, (), cycles, {SAMPLES: unit.lanes}, total, nothing),),
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
