"""The learning rate over a run: one cycle, cosine or constant, each with an optional warm-up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

Schedule = Literal["one_cycle", "cosine", "constant"]
"""one_cycle: rate up and down, momentum down and up (L. Smith and N. Topin, "Super-Convergence", 2018). cosine: down to
0 along half a cosine (I. Loshchilov and F. Hutter, "SGDR", 2017). constant: one rate."""

ONE_CYCLE_WARM_UP = 0.1
"""Share of the run in which one_cycle rises by default."""


def schedule(optimiser: Optimizer, kind: Schedule, steps: int, warm_up: float | None) -> LRScheduler:
    """The schedule of an optimiser with one rate for all weights, advanced once a step.

    Args:
        optimiser: its rate is the highest of the schedule.
        kind: see `Schedule`.
        steps: of the whole run.
        warm_up: share of the steps, below 1, in which the rate rises from near 0: linearly (P. Goyal et al., "Accurate,
            Large Minibatch SGD", 2017), with one_cycle along a cosine. None: `ONE_CYCLE_WARM_UP` for one_cycle, 0 for
            the others.
    """
    from torch.optim.lr_scheduler import LambdaLR, OneCycleLR

    if kind == "one_cycle":
        share = ONE_CYCLE_WARM_UP if warm_up is None else warm_up
        return OneCycleLR(optimiser, optimiser.param_groups[0]["lr"], steps, pct_start=share)
    rising = round(steps * (warm_up or 0))

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        if kind == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * min(1, (step - rising) / max(1, steps - rising))))

    return LambdaLR(optimiser, factor)
