"""The course of a pruning: what pruning.json holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from radioml.contract.json_record import JsonRecord


@dataclass(frozen=True, kw_only=True)
class PrunedEpoch:
    """One epoch, numbered from 0 on.

    sparsity: share of the weights or channels that are pruned, by magnitude. weights: how many are not zero, by
    ablation. accuracy: on the validation part, 0 to 1. rank: by which the epoch is chosen, highest first.
    """

    epoch: int
    sparsity: float | None = None
    weights: int | None = None
    accuracy: float
    rank: float


@dataclass(frozen=True)
class PruningReport(JsonRecord):
    """The epochs of a training with pruning; kept: the one whose weights the checkpoint has."""

    MADE_BY = "radioml train"

    method: str
    kept: PrunedEpoch
    epochs: tuple[PrunedEpoch, ...]

    @classmethod
    def of(cls, method: str, epochs: Sequence[PrunedEpoch]) -> PruningReport:
        """The report of these epochs."""
        return cls(method, max(epochs, key=lambda epoch: epoch.rank), tuple(epochs))
