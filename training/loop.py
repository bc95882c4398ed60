"""Training one experiment: Lightning runs the loop, this says what a step is and what is kept."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as ProgressBar
from torch import nn

from radioml.check import origin
from radioml.errors import RadioMLError
from radioml.files import write_json, write_text
from radioml.metrics import Metrics, measure
from training.checkpoint import TrainedNetwork, load_checkpoint, save_checkpoint
from training.data import QuantisedFrames, RadioMLData
from training.experiment import Experiment, TrainingSettings
from training.frame_cache import Progress, source_sha256
from training.models import create
from training.reference import input_quantiser


class ModulationClassifier(lightning.LightningModule):
    """Cross-entropy training of a network with AdamW and a one-cycle learning rate."""

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        super().__init__()
        self.network, self.settings = network, settings

    def training_step(self, batch: tuple[torch.Tensor, ...], _index: int) -> torch.Tensor:
        """Loss of one batch; stops the run when it is not a number."""
        iq, class_index, _ = batch
        loss = nn.functional.cross_entropy(self.network(iq), class_index)
        if not torch.isfinite(loss):
            raise RadioMLError(f"the loss became {loss.item()} at step {self.global_step}; lower the learning rate")
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, ...], _index: int) -> None:
        """Accuracy and loss on validation frames, over all SNRs."""
        iq, class_index, _ = batch
        logits = self.network(iq)
        self.log("validation/loss", nn.functional.cross_entropy(logits, class_index), batch_size=len(iq))
        correct = (logits.argmax(1) == class_index).float().mean()
        self.log("validation/accuracy", correct, prog_bar=True, batch_size=len(iq))

    def predict_step(self, batch: tuple[torch.Tensor, ...], _index: int) -> torch.Tensor:
        """Predicted class, true class and SNR in dB of each frame, int64 (B, 3)."""
        iq, class_index, snr_db = batch
        return torch.stack([self.network(iq).argmax(1), class_index, snr_db], 1)

    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW with a one-cycle schedule (L. Smith, "Super-Convergence", 2018) over the whole run."""
        optimiser = torch.optim.AdamW(
            self.parameters(), self.settings.learning_rate, weight_decay=self.settings.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.settings.learning_rate, int(self.trainer.estimated_stepping_batches), pct_start=0.1
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class EpochReport(lightning.Callback):
    """One line an epoch, for logs that cannot show a progress bar."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def on_train_epoch_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Say where the run stands."""
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.console.print(
            f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}: loss {values['train/loss']:.3f}, "
            f"validation accuracy {values['validation/accuracy']:.2%}"
        )


def train(experiment: Experiment, data: Path, run: Path, console: Console) -> TrainedNetwork:
    """Train an experiment on a RadioML file; everything kept goes to `run`/train.

    A finished run is left as it is, an interrupted one continues with the epoch it was in. The epoch with the best
    validation accuracy is kept; the test part is looked at once, at the end. Raises RadioMLError when `run` belongs to
    another experiment or other data.
    """
    folder = run / "train"
    with _progress_bar(console) as progress:
        identity = _claim(experiment, data, run, progress)
    if (folder / "checkpoint.pth").exists():
        console.print(f"{run} is trained already")
        return load_checkpoint(folder / "checkpoint.pth")
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    lightning.seed_everything(experiment.training.seed, verbose=False)
    network = create(experiment.topology, experiment.parameters)
    with _progress_bar(console) as progress:
        frames = QuantisedFrames(data, input_quantiser(network), progress)
    frames.move_to_gpu_if_it_fits()
    settings = experiment.training
    batches = RadioMLData(frames, settings.batch_size, settings.minimum_snr_db, settings.seed)
    keeper = ModelCheckpoint(
        folder, "best", monitor="validation/accuracy", mode="max", save_last=True, enable_version_counter=False
    )
    trainer = lightning.Trainer(
        max_epochs=settings.epochs,
        logger=TensorBoardLogger(folder, name=None, version="tensorboard"),
        callbacks=[keeper, LearningRateMonitor("step"), RichProgressBar(), EpochReport(console)],
        reload_dataloaders_every_n_epochs=1,  # the order of the frames depends on the epoch
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=20,
    )
    module = ModulationClassifier(network, settings)
    last = folder / "last.ckpt"
    if last.exists():
        console.print(f"continuing the interrupted run in {run}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on worker processes, which do not pay here
        trainer.fit(module, batches, ckpt_path=last if last.exists() else None, weights_only=True)
        if trainer.interrupted:
            raise RadioMLError(f"interrupted; the same command continues the run in {run}")
        best = torch.load(keeper.best_model_path, map_location="cpu", weights_only=True)
        module.load_state_dict(best["state_dict"])
        rows = torch.cat(trainer.predict(module, batches.test_dataloader())).cpu().numpy()
    metrics = measure(class_index=rows[:, 1], snr_db=rows[:, 2], predicted=rows[:, 0])
    return _keep(experiment, module.network.cpu().eval(), identity, metrics, folder)


@contextmanager
def _progress_bar(console: Console) -> Iterator[Progress]:
    """A bar for what is done with the data file before training."""
    with ProgressBar(console=console) as bar:
        task = bar.add_task("reading the data")
        yield lambda what, done, total: bar.update(task, description=escape(what), completed=done, total=total)


def _claim(experiment: Experiment, data: Path, run: Path, progress: Progress) -> dict[str, str]:
    """Make the run directory this experiment's on this data; returns the data's identity."""
    where = origin(data)
    identity = {"kind": where.kind, "identity": where.identity, "sha256": source_sha256(data, progress)}
    config = run / "config.yaml"
    text = experiment.to_yaml() + f"data: {identity}\n"
    if config.exists() and config.read_text(encoding="utf-8") != text:
        raise RadioMLError(
            f"{run} holds another experiment, or the same on other data (compare {config}); choose another --run"
        )
    write_text(config, text)
    return identity


def _keep(
    experiment: Experiment, network: nn.Module, identity: dict[str, str], metrics: Metrics, folder: Path
) -> TrainedNetwork:
    """Write the checkpoint, the test metrics and their plots."""
    from radioml.plots import accuracy_over_snr, confusion_matrix

    accuracy = {
        "overall": metrics.overall.accuracy,
        "at_30_db": metrics.at_30_db.accuracy,
        "interval_95": list(metrics.overall.interval),
        "frames": metrics.overall.frames,
        "data": f"test part of {identity['kind']} data: {identity['identity']}",
    }
    trained = TrainedNetwork(network, experiment.topology, experiment.parameters, identity, accuracy)
    described = f"{identity['kind']} data: {identity['identity']}"
    title = f"{experiment.name}, test part"
    accuracy_over_snr(folder / "accuracy_over_snr.png", {experiment.name: metrics}, title, described)
    confusion_matrix(folder / "confusion_matrix.png", metrics, title, described)
    write_json(folder / "metrics.json", {"data": identity, **metrics.to_dict()})
    save_checkpoint(folder / "checkpoint.pth", trained)
    return trained
