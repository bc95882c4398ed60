"""What Lightning does beside the steps: a run that was moved continues, and each epoch is reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
from rich.console import Console


class MovedRun(lightning.Callback):
    """Lets a run continue in a directory that was moved or copied after the run was interrupted.

    Lightning stores absolute paths. Where they differ from the present ones, Lightning forgets the best epoch's score.
    """

    def __init__(self, folder: Path) -> None:
        """folder: the folder to which the run's `ModelCheckpoint`s write."""
        self.folder = folder.resolve()

    def on_load_checkpoint(
        self, _trainer: lightning.Trainer, _module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Replace the folder in every path that the `ModelCheckpoint`s stored by the present one."""
        for state in checkpoint["callbacks"].values():
            if "best_k_models" in state:
                state["dirpath"] = str(self.folder)
                state["best_k_models"] = {self._here(path): score for path, score in state["best_k_models"].items()}
                for name in ("best_model_path", "kth_best_model_path", "last_model_path"):
                    state[name] = self._here(state[name])

    def _here(self, path: str) -> str:
        return str(self.folder / Path(path).name) if path else ""


class EpochReport(lightning.Callback):
    """One line an epoch, for logs that cannot show a progress bar."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def on_train_epoch_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Print epoch, loss and validation accuracy."""
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.console.print(
            f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}: loss {values['train/loss']:.3f}, "
            f"validation accuracy {values['validation/accuracy']:.2%}"
        )
