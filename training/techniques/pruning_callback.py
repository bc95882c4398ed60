"""Pruning of a network during its training.

The callback has the masks and applies them to the weights after every step. `torch.nn.utils.prune` does not fit: it
renames a layer's parameters at the first pruning, so that checkpoints of one run would not load into each other, and
Brevitas would still compute the scale of quantised weights from the unpruned parameter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
from rich.console import Console
from torch import nn

from radioml.contract.pruning import PrunedEpoch, PruningReport
from radioml.errors import RadioMLError
from radioml.reading.records import record, values
from training.models.shrinkable import Shrinkable
from training.techniques.pruning import Feedback, Iterative, Pruning
from training.techniques.pruning_channels import keep_strongest_channels
from training.techniques.pruning_masks import (
    Masks,
    apply,
    initial_masks,
    keep_largest_in_all,
    keep_largest_in_each,
    kept_fraction,
)

RANK = "validation/rank"
"""The metric by which the best epoch is chosen, see `Pruner`."""


def _network(module: lightning.LightningModule) -> nn.Module:
    """The network that `training.loop.classifier.ModulationClassifier` trains."""
    assert isinstance(module.network, nn.Module)
    return module.network


class Pruner(lightning.Callback):
    """Prunes a module's `network`, holds pruned weights at zero, and ranks epochs.

    The rank of an epoch, logged as `validation/rank`, is its validation accuracy plus the number of pruning stages
    before it. Iterative pruning has one stage: it begins when the final sparsity is reached. Feedback pruning has a
    stage for every accepted step, and an epoch with an accuracy below the floor has a negative rank.
    """

    def __init__(self, settings: Pruning, console: Console, report: Path) -> None:
        """report: JSON file for the course of the pruning."""
        self.settings, self.console, self.report = settings, console, report
        self.masks: Masks = {}
        self.start, self.kept = 1.0, 1.0  # shares of weights or channels, at the start and now
        self.history: list[PrunedEpoch] = []
        self.stage, self.waited, self.verdict = 0, 0, ""
        self.step = settings.schedule.step if isinstance(settings.schedule, Feedback) else 0.0
        self.accepted: dict[str, Any] = {}

    def state_dict(self) -> dict[str, Any]:
        """All state except the settings, for checkpoints."""
        names = ("masks", "start", "kept", "stage", "waited", "verdict", "step", "accepted")
        return {name: getattr(self, name) for name in names} | {"history": [values(epoch) for epoch in self.history]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the values of `state_dict`."""
        for name, value in state_dict.items():
            setattr(self, name, value)
        self.history = [record(epoch, PrunedEpoch) for epoch in state_dict["history"]]

    def on_fit_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Mask the weights that are zero at the start; raises RadioMLError for settings that would prune nothing."""
        if self.masks:
            trainer.should_stop = self.verdict == "stop"
            return
        settings, schedule, network = self.settings, self.settings.schedule, _network(module)
        if settings.method == "channels" and not isinstance(network, Shrinkable):
            raise RadioMLError(
                f"pruning.method: a {type(network).__name__} cannot lose channels, because branches, sums or "
                "depthwise layers tie them to each other; prune single weights, by method global or layer"
            )
        self.masks = initial_masks(network, zeros=settings.method != "channels")
        self.start = self.kept = kept_fraction(self.masks)
        if isinstance(schedule, Feedback):
            return
        assert isinstance(schedule, Iterative), "training.techniques.ablation_callback is for the other"
        if 1 - self.start >= schedule.sparsity:
            raise RadioMLError(
                f"pruning.schedule.sparsity = {schedule.sparsity}, but {1 - self.start:.1%} of the weights are zero at "
                "the start; ask for more, or start from other weights"
            )
        if kept_fraction(self._pruned(network, 1 - schedule.sparsity)) == self.start:
            raise RadioMLError(
                f"pruning.schedule.sparsity = {schedule.sparsity} takes nothing away where multiple_of = "
                f"{settings.multiple_of} channels stay; lower multiple_of or prune more"
            )

    def on_train_start(self, _trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Move the masks to the device of the weights."""
        self.masks = {name: mask.to(module.device) for name, mask in self.masks.items()}

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Take the step of this epoch, if it has one."""
        schedule = self.settings.schedule
        if isinstance(schedule, Feedback):
            self._follow(trainer, module)
            return
        assert isinstance(schedule, Iterative)
        step, rest = divmod(trainer.current_epoch - schedule.first_epoch, schedule.every)
        if 0 <= step < schedule.steps and not rest:
            self._prune(_network(module), schedule.kept(step + 1, self.start))
            self.stage = int(step + 1 == schedule.steps)

    def on_train_batch_end(self, _trainer: lightning.Trainer, module: lightning.LightningModule, *_: Any) -> None:
        """Set pruned weights to zero, which the optimiser may have changed."""
        apply(self.masks, _network(module))

    def on_validation_epoch_start(self, _trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Set pruned weights to zero in the averages, which contain weights from before the pruning."""
        apply(self.masks, _network(module))

    def on_validation_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Rank this epoch; feedback pruning decides here about the next epoch."""
        accuracy = float(trainer.callback_metrics["validation/accuracy"])
        rank = self.stage + accuracy
        schedule = self.settings.schedule
        if isinstance(schedule, Feedback):
            rank = rank if accuracy >= schedule.floor else accuracy - 1
            self._judge(schedule, accuracy, trainer, _network(module))
        sparsity = 1 - kept_fraction(self.masks)
        self.history.append(PrunedEpoch(epoch=trainer.current_epoch, sparsity=sparsity, accuracy=accuracy, rank=rank))
        module.log(RANK, rank)
        module.log("validation/sparsity", sparsity)

    def on_train_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Report the best epoch and the course of the pruning."""
        report = PruningReport.of(self.settings.method, self.history)
        if trainer.is_global_zero:
            report.write(self.report)
        if report.kept.sparsity is not None and report.kept.sparsity <= 1 - self.start:
            self.console.print(
                f"[yellow]nothing was pruned[/]: no pruned network reached the floor, pruning.schedule.floor; "
                f"the best validation accuracy was {max(epoch.accuracy for epoch in self.history):.2%}"
            )

    def _judge(self, schedule: Feedback, accuracy: float, trainer: lightning.Trainer, network: nn.Module) -> None:
        """Decide what happens at the start of the next epoch."""
        self.waited += 1
        self.verdict = ""
        if accuracy >= schedule.floor:
            weights = {name: value.detach().clone() for name, value in network.state_dict().items()}
            self.accepted = {"weights": weights, "masks": self.masks, "kept": self.kept}
            self.verdict = "prune"
        elif self.accepted and self.waited >= schedule.patience:
            self.step /= schedule.divisor
            trainer.should_stop = self.step < schedule.minimum_step
            self.verdict = "stop" if trainer.should_stop else "back off"

    def _follow(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Carry out the decision of `_judge` at the end of the last epoch."""
        if not self.verdict:
            return
        if self.verdict == "prune":
            self.stage += 1
        else:
            _network(module).load_state_dict(self.accepted["weights"])
            self.masks = {name: mask.to(module.device) for name, mask in self.accepted["masks"].items()}
            self.kept = self.accepted["kept"]
            trainer.optimizers[0].state.clear()  # moments of the undone weights
            self.console.print(
                f"back to the last accepted weights; a step is now {self.step:.1%} of the remaining weights"
            )
        self.waited, self.verdict = 0, ""
        self._prune(_network(module), self.kept * (1 - self.step))

    def _prune(self, network: nn.Module, kept: float) -> None:
        self.masks, self.kept = self._pruned(network, kept), kept
        apply(self.masks, network)
        self.console.print(f"pruned to a sparsity of {1 - kept_fraction(self.masks):.2%}")

    def _pruned(self, network: nn.Module, kept: float) -> Masks:
        match self.settings.method:
            case "channels":
                assert isinstance(network, Shrinkable), "on_fit_start refuses others"
                return keep_strongest_channels(network, self.masks, kept, self.settings.multiple_of)
            case "layer":
                return keep_largest_in_each(network, self.masks, kept)
        return keep_largest_in_all(network, self.masks, kept)
