"""Comparing integers with the network's: they are equal or they differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Comparison:
    """How the logits of N frames compare.

    mismatching: indices of the frames with a different logit.
    first: frame, logit, integer expected and integer found of the first difference; None when all are equal.
    """

    frames: int
    mismatching: tuple[int, ...]
    first: tuple[int, int, int, int] | None

    @property
    def equal(self) -> bool:
        """Whether every logit of every frame is the same."""
        return not self.mismatching


def compare(expected: np.ndarray, found: np.ndarray) -> Comparison:
    """Compare integer logits (N, classes); raises ValueError for other types or unequal shapes."""
    for values in (expected, found):
        if values.ndim != 2 or not np.issubdtype(values.dtype, np.integer):
            raise ValueError(f"{values.dtype} {values.shape} are not integer logits (N, classes)")
    if expected.shape != found.shape:
        raise ValueError(f"{expected.shape} logits cannot be compared with {found.shape}")
    different = expected != found
    mismatching = np.flatnonzero(different.any(axis=1))
    first = None
    if len(mismatching):
        frame = int(mismatching[0])
        logit = int(np.flatnonzero(different[frame])[0])
        first = (frame, logit, int(expected[frame, logit]), int(found[frame, logit]))
    return Comparison(len(expected), tuple(mismatching.tolist()), first)


@dataclass(frozen=True)
class Difference:
    """The first element in which one frame differs.

    layer: name of the network's layer; node: name of the layer in the rung.
    element: index in the layer's output along `axes`, channels first.
    expected, found: integers; found may be a fraction where the graph computes one.
    """

    frame: int
    layer: str
    node: str
    element: tuple[int, ...]
    expected: int
    found: float
    axes: tuple[str, ...] = ("channel", "pixel")


def first_difference(expected: np.ndarray, found: np.ndarray) -> tuple[int, ...] | None:
    """Index of the first element, in C order, that differs between two arrays of one shape; None when none does."""
    different = expected != found
    if not different.any():
        return None
    return tuple(int(i) for i in np.unravel_index(int(different.argmax()), different.shape))
