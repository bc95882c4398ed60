"""Loss and accuracy of every epoch, kept for the curve that a training run leaves."""

from __future__ import annotations

from pathlib import Path

import lightning

from radioml.errors import RadioMLError
from radioml.files import write_json
from radioml.reading.text import read_json
from radioml.run_directory import HISTORY

_VALUES = {
    "training_loss": "train/loss",
    "validation_loss": "validation/loss",
    "validation_accuracy": "validation/accuracy",
}
"""Names in the file, and Lightning's."""


class History(lightning.Callback):
    """Writes history.json after every epoch; a run that continues adds to it."""

    def __init__(self, folder: Path) -> None:
        """folder: the one of the run's results."""
        self._path = folder / HISTORY

    def on_train_epoch_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Add the epoch; it replaces an earlier try."""
        if not trainer.is_global_zero:
            return
        metrics = trainer.callback_metrics
        values = {name: float(metrics[metric]) for name, metric in _VALUES.items() if metric in metrics}
        before = [epoch for epoch in read_history(self._path.parent) if epoch["epoch"] <= trainer.current_epoch]
        write_json(self._path, [*before, {"epoch": trainer.current_epoch + 1, **values}])


def read_history(folder: Path) -> list[dict[str, float]]:
    """The epochs of a run, each with its number from 1 on; empty where none are known."""
    try:
        value = read_json(folder / HISTORY)
    except RadioMLError:
        return []
    return value if isinstance(value, list) else []
