"""Pruning to a number of weights during a training: the estimate first, then rounds of exact ablation."""

from __future__ import annotations

from math import cos, pi
from pathlib import Path
from typing import Any, cast

import lightning
import torch
from rich.console import Console
from torch import nn

from radioml.contract.pruning import PrunedEpoch, PruningReport
from radioml.errors import RadioMLError
from radioml.reading.records import record, values
from training.cost.score import part_of_score
from training.data.batches import RadioMLData
from training.models.cost import unpruned_score
from training.models.on_statistics import OnStatistics
from training.techniques.ablation import Ablation, keep_by_ablation, keep_most_useful
from training.techniques.pruning_callback import RANK
from training.techniques.pruning_masks import Masks, apply, initial_masks, layers, lift

_STEPS_OF_THE_ESTIMATE = 20
"""Training steps from one decision of the estimate to the next."""


class Ablator(lightning.Callback):
    """Prunes a module's `network`, holds pruned weights at zero, and ranks epochs.

    The rank of an epoch, logged as `validation/rank`, is its validation accuracy, plus 1 from the epoch on in which the
    network has as few weights as asked for.
    """

    def __init__(self, settings: Ablation, seed: int, console: Console, report: Path) -> None:
        """seed: of the choice of frames. report: JSON file for the course of the pruning."""
        self.settings, self.seed, self.console, self.report = settings, seed, console, report
        self.masks: Masks = {}
        self.start = 0
        self.history: list[PrunedEpoch] = []

    def state_dict(self) -> dict[str, Any]:
        """All state except the settings, for checkpoints."""
        return {"masks": self.masks, "start": self.start, "history": [values(epoch) for epoch in self.history]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the values of `state_dict`."""
        self.masks, self.start = state_dict["masks"], state_dict["start"]
        self.history = [record(epoch, PrunedEpoch) for epoch in state_dict["history"]]

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Mask the weights that are zero at the start; raises RadioMLError for a run too short for the target."""
        settings, network = self.settings, _network(module)
        if not self.masks:
            self.masks = initial_masks(network, zeros=True)
            self.start = _count(self.masks)
        self.masks = {name: mask.to(module.device) for name, mask in self.masks.items()}
        steps = int(trainer.estimated_stepping_batches)
        an_epoch = steps // cast(int, trainer.max_epochs)
        least = settings.search_ends * an_epoch + settings.rounds() * settings.every_steps
        if least >= steps:
            raise RadioMLError(
                f"pruning.schedule: {settings.rounds()} rounds of {settings.every_steps} steps after epoch "
                f"{settings.search_ends} need {least} steps; the training has {steps}. Train longer, or take "
                "fewer steps, a larger share or fewer search_weights"
            )

    def on_train_batch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: Any) -> None:
        """Take the decision of this step, if it has one; between two rounds the rate falls from the schedule's to 0.

        A round thus measures the worth of weights in a network that has settled.
        """
        settings, network = self.settings, _network(module)
        an_epoch = int(trainer.estimated_stepping_batches) // cast(int, trainer.max_epochs)
        since = trainer.global_step - settings.first_epoch * an_epoch
        search = settings.search_epochs * an_epoch
        self._quantise(network, since >= search)
        if 0 < since <= search and (since % _STEPS_OF_THE_ESTIMATE == 0 or since == search):
            count = settings.sought(since / search, self.start)
            state = trainer.optimizers[0].state
            curvature = {name: state[network.get_parameter(name)]["exp_avg_sq"] for name in self.masks}
            self.masks = keep_most_useful(network, self.masks, curvature, count)
        elif since > search and (since - search) % settings.every_steps == 0:
            self._round(trainer, network)
        apply(self.masks, network)
        if since >= search and _count(self.masks) > settings.weights:
            done = (since - search) % settings.every_steps / settings.every_steps
            for group in trainer.optimizers[0].param_groups:
                group["lr"] *= 0.5 + 0.5 * cos(pi * done)  # the schedule sets it anew after each step

    def on_train_batch_end(self, _trainer: lightning.Trainer, module: lightning.LightningModule, *_: Any) -> None:
        """Set pruned weights to zero, which the optimiser may have changed, and quantise for validation.

        After the search the weights that stay keep a magnitude of at least 1, so that only rounds prune them.
        """
        settings, network = self.settings, _network(module)
        apply(self.masks, network)
        self._quantise(network, True)
        if _count(self.masks) <= settings.search_weights:
            lift(self.masks, network)

    def on_validation_epoch_start(self, _trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Set pruned weights to zero in averages, which contain weights from before the pruning."""
        apply(self.masks, _network(module))

    def on_validation_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Rank this epoch."""
        accuracy, left = float(trainer.callback_metrics["validation/accuracy"]), _nonzero(_network(module))
        rank = accuracy + (_count(self.masks) <= self.settings.weights)
        self.history.append(PrunedEpoch(epoch=trainer.current_epoch, weights=left, accuracy=accuracy, rank=rank))
        module.log(RANK, rank)
        module.log("validation/weights", float(left))

    def on_train_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Report the best epoch and the course of the pruning."""
        if trainer.is_global_zero:
            PruningReport.of("ablation", self.history).write(self.report)

    def _round(self, trainer: lightning.Trainer, network: nn.Module) -> None:
        settings = self.settings
        if _count(self.masks) <= settings.weights:
            return
        alive = _alive(network, self.masks)
        now = _count(alive)
        count = max(settings.weights, min(now - 1, round(now * (1 - settings.share))))
        if count < now:
            data = cast(RadioMLData, trainer.datamodule)  # type: ignore[attr-defined]
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + trainer.global_step)
            chosen = torch.randint(len(data.train_indices), (settings.frames,), generator=generator).numpy()
            batch = trainer.lightning_module.on_after_batch_transfer(data.frames[data.train_indices[chosen]], 0)
            alive = keep_by_ablation(network, alive, saved_scores(network, alive), count, batch[0], batch[1])
        self.masks = alive
        self.console.print(f"step {trainer.global_step}: {_count(self.masks)} weights left")

    def _quantise(self, network: nn.Module, yes: bool) -> None:
        if self.settings.float_search:
            for layer in layers(network).values():
                layer.weight_quant.disable_quant = not yes


def saved_scores(network: nn.Module, masks: Masks) -> dict[str, torch.Tensor]:
    """Score that the removal of each weight saves, in the shapes of the masks: an equal part of its layer's score."""
    if isinstance(network, OnStatistics):
        return network.saved_scores(masks)
    billed = unpruned_score(network).layers
    return {
        name: torch.full(mask.shape, part_of_score(layer.bit_ops, layer.bit_mem) / mask.numel(), device=mask.device)
        for (name, mask), layer in zip(masks.items(), billed, strict=True)
    }


def _network(module: lightning.LightningModule) -> nn.Module:
    assert isinstance(module.network, nn.Module)
    return module.network


def _alive(network: nn.Module, masks: Masks) -> Masks:
    """The masks without weights that are quantised to zero."""
    return {
        name: masks[name] & (layer.weight_quant(layer.weight).value != 0) for name, layer in layers(network).items()
    }


def _nonzero(network: nn.Module) -> int:
    return _count(_alive(network, initial_masks(network, zeros=False)))


def _count(masks: Masks) -> int:
    return sum(int(mask.sum()) for mask in masks.values())
