"""What every rung of the verification ladder has in common: what it is compared with, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from finn_build.verify.comparison import Difference, first_difference


@dataclass(frozen=True)
class Reference:
    """What the network that was built makes of N frames, in integers.

    logits: int64 (N, classes).
    layers: levels of every activation, int64 (N, channels, ...), by the layer's name and in the network's order.
    classifier: name of the layer that gives the logits. name: what computed all this, for reports.
    """

    logits: np.ndarray
    layers: dict[str, np.ndarray]
    classifier: str
    name: str = "Brevitas"


@dataclass(frozen=True)
class Levels:
    """Integer levels of one activation in one frame, channels first: (1, channels, ...), and the node's name."""

    node: str
    values: np.ndarray


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


def compare_frame(
    reference: Reference, frame: int, activations: Sequence[Levels], logits: np.ndarray, result: RungResult
) -> None:
    """Note in `result` how one frame compares: its activations in order, then its logits (1, classes).

    A rung that has other activations than the network, or of another size (pooling moved past one, say), is compared
    in those that are the same.
    """
    found = []
    if len(activations) == len(reference.layers):
        found = [
            (name, levels[frame], activation.node, activation.values)
            for (name, levels), activation in zip(reference.layers.items(), activations, strict=True)
            if levels[frame].size == activation.values.size
        ]
    found.append((reference.classifier, reference.logits[frame], "logits", logits))
    result.compared = tuple(name for name, *_ in found)
    for name, expected, node, values in found:
        values = values.reshape(expected.shape)
        if (at := first_difference(expected, values)) is not None:
            given = float(values[at])
            given = int(given) if given.is_integer() else given
            result.mismatching.append(frame)
            result.first = result.first or Difference(frame, name, node, at, int(expected[at]), given)
            return
