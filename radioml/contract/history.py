"""The epochs of a training: what history.json holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radioml.errors import RadioMLError
from radioml.files import write_json
from radioml.reading.records import record, values
from radioml.reading.text import read_json


@dataclass(frozen=True)
class Epoch:
    """One epoch, numbered from 1 on: mean losses, and the accuracy on the validation part (0 to 1), where known."""

    epoch: int
    training_loss: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None


def write_history(path: Path, epochs: Sequence[Epoch]) -> None:
    """Write the epochs of a run."""
    write_json(path, [values(epoch) for epoch in epochs])


def read_history(path: Path) -> list[Epoch]:
    """The epochs of a run; empty where none are known, or the file is damaged."""
    try:
        value = read_json(path)
        return [record(epoch, Epoch) for epoch in value] if isinstance(value, list) else []
    except (RadioMLError, ValueError):
        return []
