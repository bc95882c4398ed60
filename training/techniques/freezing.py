"""The last epochs of a training with constant integers: no weight changes between two of them at the end."""

from __future__ import annotations

import lightning
from torch import nn

from training.techniques.pruning_masks import weights


class Freezing(lightning.Callback):
    """In the last epochs, keeps the weights of all billed layers; batch norms, biases and scales of outputs learn on.

    A weight near the middle between two integers changes between them until the last step, and all other constants
    follow it. Half to one and a half thousand steps without that were worth half a point of accuracy for heads of some
    hundred weights of two bits.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_before_optimizer_step(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, _optimizer: object
    ) -> None:
        """Take away the gradients, without which the optimiser passes a weight over."""
        assert trainer.max_epochs is not None and isinstance(module.network, nn.Module)
        if trainer.current_epoch >= trainer.max_epochs - self.epochs:
            for weight in weights(module.network).values():
                weight.grad = None
