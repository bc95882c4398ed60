"""The inference cost of a network by the challenge's rules: what score.json holds."""

from __future__ import annotations

from dataclasses import dataclass

from radioml.contract.json_record import JsonRecord


@dataclass(frozen=True)
class LayerCost:
    """Cost of one layer: multiply-accumulates (zero weights discounted), bit operations, bits of weights."""

    layer: str
    operation: str
    input_type: str
    weight_type: str
    input_bits: int
    weight_bits: int
    macs: float
    bit_ops: float
    bit_mem: float


@dataclass(frozen=True)
class FixedFilter:
    """Weighted sums that are billed.

    tensor: name of the tensor of sums.
    outputs: number of its values with unequal weights.
    terms: of the longest sum.
    bit_ops, bit_mem: by the conservative bill; bit_mem are bits of the distinct weights of the longest sums.
    strictest_bit_ops, strictest_bit_mem: by the strictest bill.
    """

    tensor: str
    outputs: int
    terms: int
    bit_ops: int
    bit_mem: int
    strictest_bit_ops: int
    strictest_bit_mem: int


@dataclass(frozen=True)
class Score(JsonRecord):
    """Inference cost of a model; lower scores are better.

    score: 0.5 x bit_ops / baseline + 0.5 x bit_mem / baseline. conservative, strictest: see
        `training.cost.score.billed`; at least as high. valid: whether the official function knows all operations.
    bit_ops: bit operations of a frame. bit_mem: bits of weights.
    layers: cost of each layer.
    fixed_filters: weighted sums that constants and pools compute, which the official function does not bill.
    zero_cost: operations that the rules make free, with their numbers of occurrences.
    unsupported: operations that the official function does not know, with their numbers of occurrences.
    """

    MADE_BY = "radioml score"

    score: float
    conservative: float
    strictest: float
    valid: bool
    bit_ops: int
    bit_mem: int
    layers: tuple[LayerCost, ...]
    fixed_filters: tuple[FixedFilter, ...]
    zero_cost: dict[str, int]
    unsupported: dict[str, int]
