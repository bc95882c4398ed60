"""What every rung of the verification ladder has in common: what it is compared with, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from finn_build.verification import Difference, compare


@dataclass(frozen=True)
class Reference:
    """What the trained network, Brevitas, makes of N frames, in integers.

    logits: int64 (N, classes).
    layers: levels of every activation, int64 (N, channels, ...), by the layer's name and in the network's order.
    classifier: name of the layer that gives the logits.
    """

    logits: np.ndarray
    layers: dict[str, np.ndarray]
    classifier: str


@dataclass
class RungResult:
    """Outcome of one rung.

    mismatching: frames in which anything that was compared differs; first: where, in the first of them.
    problem: why the rung gave no integers at all, for example a deadlock; empty when it did.
    compared: names of the layers that were compared, the classifier last.
    rounded: levels that a single-precision threshold of FINN's got wrong, and a later step mends.
    """

    name: str
    kind: str
    frames: int
    mismatching: list[int] = field(default_factory=list)
    first: Difference | None = None
    problem: str = ""
    compared: tuple[str, ...] = ()
    rounded: int = 0
    seconds: float = 0.0

    @property
    def equal(self) -> bool:
        """Whether the rung gave the network's integers."""
        return not self.mismatching and not self.problem


@dataclass(frozen=True)
class Rung:
    """A rung that can be run: fills in the result, for a reference."""

    name: str
    kind: str
    run: Callable[[Reference, RungResult], None]


def compare_logits(reference: Reference, found: np.ndarray, node: str, result: RungResult) -> None:
    """Note in `result` how integer logits (N, classes) compare."""
    comparison = compare(reference.logits, found)
    result.mismatching = list(comparison.mismatching)
    if comparison.first is not None:
        frame, logit, expected, given = comparison.first
        result.first = Difference(frame, reference.classifier, node, (logit,), expected, given)
