"""Deciding how a network is folded: for a rate, as a file says, or as fast as fits the board; and what limits it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finn_build.estimate.estimate import estimate
from finn_build.exploration.choose_products import choose_products
from finn_build.folding.folding import Folding, apply_folding, digest, fold_to_cycles, read_folding
from finn_build.folding.parallelism import at_maximum
from radioml.constants import FRAME_LENGTH
from radioml.contract.estimate import RESOURCES, Estimate, Folded, Resources
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

    from finn_build.boards import Board

FIT_MARGIN_PERCENT = 20
"""Percent of each resource that `--fit` leaves unused.

FINN's platform tables give 80 % of block RAM, UltraRAM and DSPs as the vendor's limit for a design that meets timing
(70 % of LUTs). An estimate before synthesis also needs room for what it does not count."""
_TRIED_BEYOND = 4
"""Faster foldings that are tried after bisection."""
_UNFOLDED_CYCLES = 1 << 40
"""Cycles a frame within which every network stays, even with PE = SIMD = 1."""


@dataclass(frozen=True)
class Goal:
    """What the user asks of the folding: a rate, a file or the fastest one that fits; made by `goal`.

    target_fps: frames/s.
    folding: content of a folding file.
    file: path of the folding file.
    margin_percent: the fastest folding that leaves this percentage of each of the board's resources.
    """

    target_fps: int | None = None
    folding: Folding | None = None
    file: Path | None = None
    margin_percent: int | None = None

    def inputs(self) -> dict[str, Any]:
        """The part of the goal that the result depends on, for build.yaml."""
        if self.folding is not None:
            return {"folding_sha256": digest(self.folding)}
        if self.margin_percent is not None:
            return {"fit_margin_percent": self.margin_percent}
        return {"target_frames_per_second": self.target_fps}


def goal(board: Board, target_fps: int | None, file: Path | None, fit: bool, margin_percent: int | None) -> Goal:
    """The Goal that the command's options state; without any of them it is one I/Q sample a cycle.

    Raises RadioMLError for options that exclude each other, a rate beyond the clock, and an unreadable file.
    """
    given = [
        name
        for name, value in (("--target-fps", target_fps), ("--folding", file), ("--fit", fit or None))
        if value is not None
    ]
    if len(given) > 1:
        raise RadioMLError(
            f"{' and '.join(given)} exclude each other, because each decides the folding; give one of them"
        )
    if margin_percent is not None and not fit:
        raise RadioMLError("--margin needs --fit")
    if fit:
        return Goal(margin_percent=FIT_MARGIN_PERCENT if margin_percent is None else margin_percent)
    if file is not None:
        return Goal(folding=read_folding(file), file=file)
    if target_fps is not None and target_fps > board.clock_mhz * 1e6:
        raise RadioMLError(f"--target-fps {target_fps}: more than a frame in each cycle of {board.clock_mhz:g} MHz")
    return Goal(target_fps=target_fps or int(board.clock_mhz * 1e6 / FRAME_LENGTH))


@dataclass(frozen=True)
class Candidate:
    """A folded model and its estimate."""

    model: ModelWrapper
    estimate: Estimate

    @property
    def cycles(self) -> int:
        """The initiation interval: cycles from one frame to the next."""
        return self.estimate.cycles_per_frame


class DoesNotFitError(RadioMLError):
    """No folding fits the board.

    smallest: estimate of the smallest folding.
    excess: the resources of which that folding needs too much, in words.
    slowest: that folding in words.
    """

    def __init__(self, smallest: Estimate, excess: list[str], slowest: str) -> None:
        super().__init__(
            f"the network does not fit even with {slowest}: it needs {', '.join(excess)}; "
            "take a larger board, a smaller --margin or a smaller network"
        )
        self.smallest, self.excess, self.slowest = smallest, excess, slowest


def choose_folding(model: ModelWrapper, board: Board, goal: Goal) -> Candidate:
    """Fold a model, in a FINN session, towards a goal; the estimate says how it was folded and what limits it.

    Raises RadioMLError when a folding file does not fit the network, DoesNotFitError when nothing fits the board.
    """
    start, count = time.perf_counter(), 0

    def at(cycles: int) -> Candidate:
        nonlocal count
        count += 1
        folded = fold_to_cycles(model, max(1, cycles))
        return Candidate(folded, choose_products(folded, board, budget))

    budget = {name: board.usable[name] * (100 - (goal.margin_percent or 0)) // 100 for name in RESOURCES}
    if goal.folding is not None and goal.file is not None:
        folded = apply_folding(model, goal.folding, goal.file)
        chosen = Candidate(folded, estimate(folded, board))
    elif goal.target_fps is not None:
        chosen = at(int(board.clock_mhz * 1e6 / goal.target_fps))
    else:
        chosen = fastest_fit(at, budget)
    how = Folded(limit=limit(chosen, at, budget), **goal.inputs())
    if goal.margin_percent is not None:
        how = replace(how, estimates=count, seconds=round(time.perf_counter() - start, 2), budget=budget)
    return Candidate(chosen.model, replace(chosen.estimate, folded=how))


def fastest_fit(at: Callable[[int], Candidate], budget: Resources) -> Candidate:
    """The fastest candidate within the budget, by bisection on the cycles a frame that the network is folded to.

    Bisection assumes that a faster folding needs more of every resource. That is nearly true: weight memories that
    become shallow move from block RAM to LUTs. So a few foldings faster than the one found are tried, too.
    """
    fastest = at(1)
    if not fastest.estimate.excess(budget):
        return fastest
    best = at(_UNFOLDED_CYCLES)
    if excess := best.estimate.excess(budget):
        raise DoesNotFitError(best.estimate, excess, "PE = SIMD = 1 in every layer")
    too_fast = fastest.cycles
    while best.cycles - too_fast > 1:
        target = (best.cycles + too_fast) // 2
        middle = at(target)
        if middle.estimate.excess(budget):
            too_fast = max(target, min(middle.cycles, best.cycles - 1))
        elif middle.cycles < best.cycles:
            best = middle
        else:
            break
    faster = best
    for _ in range(_TRIED_BEYOND):
        before, faster = faster, at(faster.cycles - 1)
        if faster.cycles >= before.cycles:
            break
        if not faster.estimate.excess(budget):
            best = faster
    return best


def limit(chosen: Candidate, at: Callable[[int], Candidate], budget: Resources) -> str:
    """Why the slowest layer is not faster, in words."""
    from finn.util.basic import getHWCustomOp

    name = chosen.estimate.slowest_layer
    if at_maximum(getHWCustomOp(chosen.model.get_node_from_name(name))):
        return f"{name} is as parallel as it can be"
    faster = at(chosen.cycles - 1)
    if faster.cycles >= chosen.cycles:
        return f"no folding that FINN finds makes {name} faster"
    if excess := faster.estimate.excess(budget):
        return f"{name}: the next faster folding, {faster.cycles:,} cycles, would need {', '.join(excess)}"
    return f"{name}: by choice; the next faster folding, {faster.cycles:,} cycles, fits as well"
