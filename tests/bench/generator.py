"""Synthetic frames, on one core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from radioml.constants import CLASSES
from radioml.data.synthetic import generate_cell
from tests.radioml.data.plain_synthesis import plain_cell

from .measure import Work, compare


def generator() -> dict[str, Any]:
    """Frames of all classes, against the plain formulas and against drawing the Gaussian noise alone."""
    rng = np.random.default_rng(0)

    def cells(generate: Callable[..., np.ndarray]) -> Work:
        return lambda: sum(len(generate(rng, 26, name, 10)) for name in CLASSES)

    def noise() -> int:
        return len(rng.standard_normal((624, 1024, 2), np.float32))

    baselines = {"the same formulas written plainly": cells(plain_cell), "NumPy drawing the noise of the frames": noise}
    return compare(cells(generate_cell), baselines)
