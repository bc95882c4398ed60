"""What weights cost by the conservative score, for pruning."""

from __future__ import annotations

from training.cost.score import part_of_score
from training.models.symbol_statistics.head import WEIGHT_BITS

_LEVEL_BITS = 8


def weight_score(positions: int) -> float:
    """Score of one weight that is multiplied with `positions` levels of 8 bits a frame."""
    return part_of_score(positions * _LEVEL_BITS * WEIGHT_BITS, WEIGHT_BITS)
