"""What weights and fixed sums cost by the conservative score, for pruning and for the list of statistics."""

from __future__ import annotations

from training.models.symbol_statistics.head import WEIGHT_BITS
from training.score import BASELINE_BIT_MEM, BASELINE_BIT_OPS

_LEVEL_BITS = 8


def weight_score(positions: int) -> float:
    """Of one weight that is multiplied with `positions` levels of 8 bits a frame."""
    operations = positions * _LEVEL_BITS * WEIGHT_BITS
    return 0.5 * operations / BASELINE_BIT_OPS + 0.5 * WEIGHT_BITS / BASELINE_BIT_MEM


def filter_score(name: str) -> float:
    """Of a fixed sum: its outputs x inputs' bits x bits of its coefficients."""
    return 0.5 * filter_operations(name) / BASELINE_BIT_OPS


def filter_operations(name: str) -> int:
    """Bit operations of a fixed sum a frame."""
    if name == "equaliser":
        return 2048 * 8 * 23  # taps of 7, 3, 3 and 2 bits, those beside the middle one twice
    if name in ("z2", "z4", "z8", "z16"):
        return 512 * 4 * 8 * 2  # two differences at 128 symbols of 4 phases
    if name == "d2":
        return 128 * 4 * 8 * 2
    if name[0] in "bw":
        return 8 * 2 * 17 * 2
    if name.endswith(".d"):
        return 60 * 2 * 8 * 2
    return 64 * 4 * 8 * 2  # a tone: real and imaginary part of 32 blocks, of 4 terms
