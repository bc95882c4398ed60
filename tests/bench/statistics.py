"""Statistics of frames, as a training computes them once and keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from radioml.contract.quantiser import InputQuantiser
from radioml.data.synthetic import generate_spread

from .measure import compare

_FRAMES = 1024


def statistics() -> dict[str, Any]:
    """All statistics of a frame, on one core, in the blocks of the cache; against one frame at a time."""
    from training.models import create
    from training.statistics_cache import block_rows

    torch.set_num_threads(1)
    quantiser = InputQuantiser(8, 1 / 64)
    frames = quantiser.frames(generate_spread(_FRAMES, seed=1).iq).integers
    every = create("symbol_statistics", {})

    def work(integers: np.ndarray) -> int:
        return len(block_rows(every, integers, quantiser.scale))

    def single() -> int:
        return sum(work(frames[k : k + 1]) for k in range(16))

    return compare(lambda: work(frames), {"one frame at a time": single})
