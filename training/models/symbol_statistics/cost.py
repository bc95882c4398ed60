"""What weights cost by the conservative score, for pruning."""

from __future__ import annotations

from training.models.symbol_statistics.head import WEIGHT_BITS
from training.score import BASELINE_BIT_MEM, BASELINE_BIT_OPS

_LEVEL_BITS = 8


def weight_score(positions: int) -> float:
    """Of one weight that is multiplied with `positions` levels of 8 bits a frame."""
    operations = positions * _LEVEL_BITS * WEIGHT_BITS
    return 0.5 * operations / BASELINE_BIT_OPS + 0.5 * WEIGHT_BITS / BASELINE_BIT_MEM
