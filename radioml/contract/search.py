"""The trials of a search: what pareto.json holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from radioml.contract.json_record import JsonRecord


@dataclass(frozen=True)
class Trial:
    """One trial; score and validation_accuracy (0 to 1) are None where it did not complete.

    state: Optuna's, in small letters. on_front: whether no other trial beats it in both score and accuracy.
    values: of the keys that were varied. run: its run directory. reason: why the values give no network.
    """

    trial: int
    state: str
    on_front: bool
    score: float | None
    validation_accuracy: float | None
    values: dict[str, Any]
    run: str | None
    reason: str | None


@dataclass(frozen=True)
class SearchReport(JsonRecord):
    """All trials of a study; data: description of the data on which accuracies were measured."""

    MADE_BY = "radioml search"

    study: str
    data: str
    trials: tuple[Trial, ...]
