"""Statistics of frames, as a training computes them once and keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from radioml.contract.quantiser import InputQuantiser
from radioml.data.synthetic import generate_spread
from tests.repository import REPOSITORY

from .measure import compare

if TYPE_CHECKING:
    from training.models.on_statistics import OnStatistics

_FRAMES = 1024


def statistics() -> dict[str, Any]:
    """All statistics of a frame, and those of a shipped record, in the blocks of the cache; against frame by frame."""
    from training.data.statistics_cache import block_rows
    from training.models import create
    from training.trained.checkpoint import load_checkpoint

    torch.set_num_threads(1)
    quantiser = InputQuantiser(8, 1 / 64)
    frames = quantiser.frames(generate_spread(_FRAMES, seed=1).iq).integers
    record = load_checkpoint(REPOSITORY / "training" / "pretrained" / "robust_record.pth").network

    def compared(network: OnStatistics) -> dict[str, Any]:
        def work(integers: np.ndarray) -> int:
            return len(block_rows(network, integers, quantiser.scale))

        def single() -> int:
            return sum(work(frames[k : k + 1]) for k in range(16))

        return compare(lambda: work(frames), {"one frame at a time": single})

    return {"all": compared(create("symbol_statistics", {})), "robust_record": compared(record)}
