"""Loss and accuracy of every epoch, kept for the curve that a training run leaves."""

from __future__ import annotations

import math
from pathlib import Path

import lightning

from radioml.contract.history import Epoch, read_history, write_history
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
        found = {name: float(metrics[metric]) for name, metric in _VALUES.items() if metric in metrics}
        known = {name: value for name, value in found.items() if math.isfinite(value)}
        before = [epoch for epoch in read_history(self._path) if epoch.epoch <= trainer.current_epoch]
        write_history(self._path, [*before, Epoch(trainer.current_epoch + 1, **known)])
