"""Deciding how a network is folded: for a rate, as a file says, or as fast as fits the board; and what limits it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finn_build.estimate.estimate import RESOURCES, estimate
from finn_build.folding.folding import Folding, apply_folding, digest, fold_to_interval, read_folding
from finn_build.folding.parallelism import at_maximum
from radioml.constants import FRAME_LENGTH
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

    from finn_build.boards import Board

FIT_MARGIN_PERCENT = 20
"""FINN's platform tables give 80 % of block RAM, UltraRAM and DSPs as the vendor's limit for a design that meets timing
(70 % of LUTs); and an estimate before synthesis needs room for what it does not know."""
_PROBES = 4
"""Faster foldings tried behind the one that bisection found."""
_UNFOLDED_INTERVAL = 1 << 40
"""Cycles a frame that every network keeps with PE = SIMD = 1."""


@dataclass(frozen=True)
class Wish:
    """What the user wants: exactly one of the three; made by `wish`.

    target_fps: frames/s.
    folding: content of a folding file, and its path in `file`.
    margin_percent: the fastest folding that leaves so much of each of the board's resources.
    """

    target_fps: int | None = None
    folding: Folding | None = None
    file: Path | None = None
    margin_percent: int | None = None

    def inputs(self) -> dict[str, Any]:
        """What of it the result depends on, for build.yaml."""
        if self.folding is not None:
            return {"folding_sha256": digest(self.folding)}
        if self.margin_percent is not None:
            return {"fit_margin_percent": self.margin_percent}
        return {"target_frames_per_second": self.target_fps}


def wish(board: Board, target_fps: int | None, file: Path | None, fit: bool, margin_percent: int | None) -> Wish:
    """Make a Wish of the command's options; none of them means one I/Q sample a cycle.

    Raises RadioMLError for options that exclude each other, a rate beyond the clock, and an unreadable file.
    """
    given = [
        name
        for name, value in (("--target-fps", target_fps), ("--folding", file), ("--fit", fit or None))
        if value is not None
    ]
    if len(given) > 1:
        raise RadioMLError(f"{' and '.join(given)} exclude each other: each decides the folding; give one of them")
    if margin_percent is not None and not fit:
        raise RadioMLError("--margin goes with --fit only")
    if fit:
        return Wish(margin_percent=FIT_MARGIN_PERCENT if margin_percent is None else margin_percent)
    if file is not None:
        return Wish(folding=read_folding(file), file=file)
    if target_fps is not None and target_fps > board.clock_mhz * 1e6:
        raise RadioMLError(f"--target-fps {target_fps}: more than a frame in each cycle of {board.clock_mhz:g} MHz")
    return Wish(target_fps=target_fps or int(board.clock_mhz * 1e6 / FRAME_LENGTH))


@dataclass(frozen=True)
class Candidate:
    """A folded model and its estimate (see `estimate`)."""

    model: ModelWrapper
    estimate: dict[str, Any]

    @property
    def interval(self) -> int:
        """Cycles a frame."""
        return self.estimate["interval_cycles"]

    def excess(self, budget: dict[str, int]) -> list[str]:
        """The resources of which it needs more than the budget has, in words."""
        total = self.estimate["total"]
        return [f"{total[name]:,} {name} of {budget[name]:,}" for name in RESOURCES if total[name] > budget[name]]


class DoesNotFitError(RadioMLError):
    """No folding fits the board. `smallest` is the one that needs least, `excess` what it needs too much of."""

    def __init__(self, smallest: Candidate, excess: list[str]) -> None:
        super().__init__(
            f"the network does not fit even with PE = SIMD = 1 in every layer: it needs {', '.join(excess)}; "
            "take a larger board, a smaller --margin or a smaller network"
        )
        self.smallest, self.excess = smallest, excess


def choose_folding(model: ModelWrapper, board: Board, wanted: Wish) -> Candidate:
    """Fold a model (in a FINN session) as wanted; the estimate says how it was folded and what limits it.

    Raises RadioMLError when a file does not fit the network, DoesNotFitError when nothing fits the board.
    """
    start, count = time.perf_counter(), 0

    def at(cycles: int) -> Candidate:
        nonlocal count
        count += 1
        folded = fold_to_interval(model, max(1, cycles))
        return Candidate(folded, estimate(folded, board))

    budget = {name: board.usable[name] * (100 - (wanted.margin_percent or 0)) // 100 for name in RESOURCES}
    if wanted.folding is not None:
        folded = apply_folding(model, wanted.folding, wanted.file)
        chosen = Candidate(folded, estimate(folded, board))
    elif wanted.margin_percent is not None:
        chosen = fastest_fit(at, budget)
    else:
        chosen = at(int(board.clock_mhz * 1e6 / wanted.target_fps))
    chosen.estimate["folded"] = {**wanted.inputs(), "limit": limit(chosen, at, budget)}
    if wanted.margin_percent is not None:
        spent = time.perf_counter() - start
        chosen.estimate["folded"] |= {"estimates": count, "seconds": round(spent, 2), "budget": budget}
    return chosen


def fastest_fit(at: Callable[[int], Candidate], budget: dict[str, int]) -> Candidate:
    """The fastest candidate within the budget, by bisection on the interval that is folded to.

    Bisection takes it that a faster folding needs more of everything. That is nearly so: weight memories that become
    shallow move from block RAM to LUTs. So some foldings faster than the one found are tried as well.
    """
    fastest = at(1)
    if not fastest.excess(budget):
        return fastest
    best = at(_UNFOLDED_INTERVAL)
    if excess := best.excess(budget):
        raise DoesNotFitError(best, excess)
    too_fast = fastest.interval
    while best.interval - too_fast > 1:
        target = (best.interval + too_fast) // 2
        middle = at(target)
        if middle.excess(budget):
            too_fast = max(target, min(middle.interval, best.interval - 1))
        elif middle.interval < best.interval:
            best = middle
        else:
            break
    faster = best
    for _ in range(_PROBES):
        before, faster = faster, at(faster.interval - 1)
        if faster.interval >= before.interval:
            break
        if not faster.excess(budget):
            best = faster
    return best


def limit(chosen: Candidate, at: Callable[[int], Candidate], budget: dict[str, int]) -> str:
    """Why the slowest layer is not faster, in words."""
    from finn.util.basic import getHWCustomOp

    name = chosen.estimate["slowest_layer"]
    if at_maximum(getHWCustomOp(chosen.model.get_node_from_name(name))):
        return f"{name} is as parallel as it can be"
    faster = at(chosen.interval - 1)
    if faster.interval >= chosen.interval:
        return f"no folding that FINN finds makes {name} faster"
    if excess := faster.excess(budget):
        return f"{name}: the next faster folding, {faster.interval:,} cycles, would need {', '.join(excess)}"
    return f"{name}: by choice; the next faster folding, {faster.interval:,} cycles, fits as well"
