"""What all rungs of the verification ladder share: the reference, the comparison of a frame, the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from finn_build.verify.comparison import Difference, first_difference
from radioml.contract.ladder import LOGITS
from radioml.errors import RadioMLError


@dataclass(frozen=True)
class Reference:
    """Integers that the built network gives for N frames.

    logits: int64 (N, classes).
    layers: levels of every activation, int64 (N, channels, ...), by the layer's name and in the network's order.
    classifier: name of the layer that gives the logits.
    name: what computed the reference, for reports.
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

    mismatching: frames with a difference.
    first: the first difference in the first of these frames.
    problem: why the rung gave no integers, for example a deadlock; empty where it gave integers.
    layers: number of the layers to compare, the classifier included.
    compared: names of the layers that were compared, the classifier last; fewer where sizes differ.
    rounded: levels that are wrong because of a threshold that FINN rounded, and that a later step mends.
    """

    name: str
    kind: str
    frames: int
    layers: int
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
    """A rung; run: compares it with a reference and fills in the result."""

    name: str
    kind: str
    run: Callable[[Reference, RungResult], None]


def compare_frame(
    reference: Reference, frame: int, activations: Sequence[Levels], logits: np.ndarray, result: RungResult
) -> None:
    """Note in `result` how one frame compares with the reference: its activations in order, then its logits.

    An activation that has another size than the network's, because a pool was moved past it, is not compared, and
    `RungResult.compared` lacks its layer.

    Args:
        reference: of all frames.
        frame: number of the frame.
        activations: of the frame, as the rung gives them.
        logits: of the frame, (1, classes).
        result: of the rung so far.

    Raises RadioMLError for another number of activations or logits than the network's, which cannot be matched.
    """
    if len(activations) != len(reference.layers):
        given, expected = ([level.node for level in activations], list(reference.layers))
        raise RadioMLError(
            f"gives {len(given)} activations where the network has {len(expected)}, so they cannot be compared: "
            f"{', '.join(given)} against {', '.join(expected)}"
        )
    if logits.size != reference.logits.shape[1]:
        raise RadioMLError(f"gives {logits.size} logits where the network has {reference.logits.shape[1]}")
    found = [
        (name, levels[frame], activation.node, activation.values)
        for (name, levels), activation in zip(reference.layers.items(), activations, strict=True)
        if levels[frame].size == activation.values.size
    ]
    found.append((reference.classifier, reference.logits[frame], LOGITS, logits))
    result.compared = tuple(name for name, *_ in found)
    for name, expected_values, node, values in found:
        values = values.reshape(expected_values.shape)
        if (at := first_difference(expected_values, values)) is not None:
            given_value = float(values[at])
            given_value = int(given_value) if given_value.is_integer() else given_value
            result.mismatching.append(frame)
            difference = Difference(frame, name, node, at, int(expected_values[at]), given_value)
            result.first = result.first or difference
            return
