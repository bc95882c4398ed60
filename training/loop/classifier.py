"""One training, validation and prediction step of a network, as Lightning calls them."""

from __future__ import annotations

from pathlib import Path

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import nn

from training.data.batches import as_iq
from training.experiments.experiment import Experiment
from training.loop.bad_batch import LossWatch
from training.models.on_statistics import OnStatistics, answer
from training.techniques.augmentation import augment
from training.techniques.distillation import Teacher
from training.techniques.schedule import schedule
from training.trained.reference import input_quantiser


class ModulationClassifier(lightning.LightningModule):
    """A network trained with AdamW on labels and, if there is a teacher, on the teacher's logits.

    folder: gets the batch at which the loss is NaN or infinite.
    """

    def __init__(self, network: nn.Module, experiment: Experiment, folder: Path, teacher: Teacher | None) -> None:
        super().__init__()
        self.network, self.experiment, self.teacher = network, experiment, teacher
        self.watch = LossWatch(folder, look_every())
        self.input_step = input_quantiser(network).scale

    def on_after_batch_transfer(self, batch: tuple[torch.Tensor, ...], _loader: int) -> tuple[torch.Tensor, ...]:
        """Convert the batch's integers to IQ samples, on the device; statistics stay as they are."""
        values, *labels = batch
        return values if isinstance(self.network, OnStatistics) else as_iq(values, self.input_step), *labels

    def training_step(self, batch: tuple[torch.Tensor, ...], _index: int) -> torch.Tensor:
        """Loss of one batch; raises DivergedError for a loss that is NaN or infinite."""
        iq, class_index, snr_db, position = batch
        if wanted := self.experiment.augmentation:
            iq = augment(wanted, iq, class_index, position, self.experiment.training.seed, self.current_epoch)
        logits = answer(self.network, iq)
        if self.teacher:
            loss = self.teacher.loss(iq, logits, class_index, position)
        else:
            loss = nn.functional.cross_entropy(logits, class_index)
        self.watch((iq, class_index, snr_db, position), loss, self.global_step, self.trainer.is_last_batch)
        self.log("train/loss_step", loss, prog_bar=True)  # of this process alone; an exchange at every step costs time
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(iq), sync_dist=True)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, ...], _index: int) -> None:
        """Accuracy and loss on validation frames, over all classes and SNRs of the data."""
        iq, class_index, _, _ = batch
        logits = answer(self.network, iq)
        loss = nn.functional.cross_entropy(logits, class_index)
        self.log("validation/loss", loss, batch_size=len(iq), sync_dist=True)
        correct = (logits.argmax(1) == class_index).float().mean()
        self.log("validation/accuracy", correct, prog_bar=True, batch_size=len(iq), sync_dist=True)

    def predict_step(self, batch: tuple[torch.Tensor, ...], _index: int) -> torch.Tensor:
        """Predicted class, true class and SNR in dB of each frame, int64 (B, 3)."""
        iq, class_index, snr_db, _ = batch
        return torch.stack([answer(self.network, iq).argmax(1), class_index, snr_db], 1)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW with the experiment's schedule over the whole run."""
        settings = self.experiment.training
        optimiser = torch.optim.AdamW(self.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
        warm_up = None if settings.warm_up_epochs is None else settings.warm_up_epochs / settings.epochs
        rates = schedule(optimiser, settings.schedule, int(self.trainer.estimated_stepping_batches), warm_up)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rates, "interval": "step"}}


def look_every() -> int:
    """Steps between two reads of the loss: 1 on a CPU, 20 on a GPU, which waits for the host at every read.

    The 20 has not been measured on a GPU yet.
    """
    return 20 if torch.cuda.is_available() else 1
