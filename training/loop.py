"""Training one experiment: Lightning runs the loop, this says what a step is and what is kept."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as ProgressBar
from torch import nn

from radioml.data.provenance import kind_of_data, origin
from radioml.data.source_digest import Progress, source_sha256
from radioml.errors import RadioMLError
from radioml.files import alone_in, write_json, write_text
from radioml.report.metrics import Metrics, measure
from training.bad_batch import LossWatch
from training.checkpoint import TrainedNetwork, load_checkpoint, save_checkpoint, start_identity, start_with
from training.data import QuantisedFrames, RadioMLData, as_iq
from training.distributed import (
    connected,
    first_process_first,
    gathered,
    rank,
    synchronise_batch_norms,
    trainer_settings,
    world_size,
)
from training.experiment import Experiment, read_claim
from training.models import create
from training.reference import input_quantiser
from training.techniques.augmentation import augment
from training.techniques.averaging import averaging
from training.techniques.distillation import Teacher, teacher_sha256
from training.techniques.pruning_callback import RANK, Pruner
from training.techniques.pruning_channels import without_channels
from training.techniques.schedule import schedule


class ModulationClassifier(lightning.LightningModule):
    """Training of a network with AdamW, by the labels and, where there is one, a teacher.

    folder: where a batch is left at which training fails.
    """

    def __init__(self, network: nn.Module, experiment: Experiment, folder: Path, teacher: Teacher | None) -> None:
        super().__init__()
        self.network, self.experiment, self.teacher = network, experiment, teacher
        self.watch = LossWatch(folder, _look_every())
        self.input_step = input_quantiser(network).scale

    def on_after_batch_transfer(self, batch: tuple[torch.Tensor, ...], _loader: int) -> tuple[torch.Tensor, ...]:
        """The batch's integers as IQ samples, on the device."""
        integers, *labels = batch
        return as_iq(integers, self.input_step), *labels

    def training_step(self, batch: tuple[torch.Tensor, ...], _index: int) -> torch.Tensor:
        """Loss of one batch; stops the run when it is not a number."""
        iq, class_index, snr_db, position = batch
        if wanted := self.experiment.augmentation:
            iq = augment(wanted, iq, class_index, position, self.experiment.training.seed, self.current_epoch)
        logits = self.network(iq)
        if self.teacher:
            loss = self.teacher.loss(iq, logits, class_index)
        else:
            loss = nn.functional.cross_entropy(logits, class_index)
        self.watch((iq, class_index, snr_db, position), loss, self.global_step, self.trainer.is_last_batch)
        self.log("train/loss_step", loss, prog_bar=True)  # of this process: an exchange at every step would cost time
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(iq), sync_dist=True)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, ...], _index: int) -> None:
        """Accuracy and loss on validation frames, over all classes and SNRs of the data."""
        iq, class_index, _, _ = batch
        logits = self.network(iq)
        loss = nn.functional.cross_entropy(logits, class_index)
        self.log("validation/loss", loss, batch_size=len(iq), sync_dist=True)
        correct = (logits.argmax(1) == class_index).float().mean()
        self.log("validation/accuracy", correct, prog_bar=True, batch_size=len(iq), sync_dist=True)

    def predict_step(self, batch: tuple[torch.Tensor, ...], _index: int) -> torch.Tensor:
        """Predicted class, true class and SNR in dB of each frame, int64 (B, 3)."""
        iq, class_index, snr_db, _ = batch
        return torch.stack([self.network(iq).argmax(1), class_index, snr_db], 1)

    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW with the experiment's schedule over the whole run."""
        settings = self.experiment.training
        optimiser = torch.optim.AdamW(self.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
        warm_up = None if settings.warm_up_epochs is None else settings.warm_up_epochs / settings.epochs
        rates = schedule(optimiser, settings.schedule, int(self.trainer.estimated_stepping_batches), warm_up)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rates, "interval": "step"}}


class MovedRun(lightning.Callback):
    """Lets a run continue in a directory that was moved or copied after it was interrupted.

    Lightning remembers absolute paths and, where they are not those of now, forgets how good the best epoch was.
    """

    def __init__(self, folder: Path) -> None:
        """folder: where the run's `ModelCheckpoint`s write."""
        self.folder = folder.resolve()

    def on_load_checkpoint(
        self, _trainer: lightning.Trainer, _module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Put the files that the checkpoint's `ModelCheckpoint`s remember where the checkpoint is read from now."""
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
    another experiment or other data, or another process trains there; KeyboardInterrupt on Ctrl-C, after which the same
    call continues.

    Under torchrun every process calls this and gets the same; see `training.distributed`.
    """
    if rank():
        console = Console(quiet=True)
    with connected(), alone_in(run) if rank() == 0 else nullcontext():
        return _train(experiment, data, run, console)


def _train(experiment: Experiment, data: Path, run: Path, console: Console) -> TrainedNetwork:
    folder = run / "train"
    with first_process_first(), _progress_bar(console) as progress:
        identity = _claim(experiment, data, run, progress)
    if (folder / "checkpoint.pth").exists():
        console.print(f"{escape(str(run))} is trained already", soft_wrap=True)
        return load_checkpoint(folder / "checkpoint.pth")
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    lightning.seed_everything(experiment.training.seed, verbose=False)
    network = create(experiment.topology, experiment.parameters)
    if experiment.training.start_from:
        start_with(network, experiment.topology, experiment.training.start_from)
    synchronise_batch_norms(network)
    with first_process_first(), _progress_bar(console) as progress:
        frames = QuantisedFrames(data, input_quantiser(network), progress)
    frames.move_to_gpu_if_it_fits()
    wanted = experiment.distillation
    teacher = Teacher(wanted, identity, input_quantiser(network)) if wanted else None
    settings = experiment.training
    batches = RadioMLData(
        frames, settings.batch_size, settings.minimum_snr_db, settings.seed, rank(), world_size(),
        settings.maximum_snr_db,
    )  # fmt: skip
    keeper = ModelCheckpoint(
        folder, "best", monitor=RANK if experiment.pruning else "validation/accuracy", mode="max",
        enable_version_counter=False,
    )  # fmt: skip
    resumer = ModelCheckpoint(folder, "last", enable_version_counter=False)  # `save_last` skips epochs that are no best
    shown = [LearningRateMonitor("step"), RichProgressBar(_look_every()), EpochReport(console)]
    callbacks = [MovedRun(folder), keeper, resumer, *shown]
    if experiment.averaging:
        callbacks.append(averaging(experiment.averaging))
    if experiment.pruning:  # after averaging, whose averages it prunes too
        callbacks.append(Pruner(experiment.pruning, console, folder / "pruning.json"))
    trainer = lightning.Trainer(
        max_epochs=settings.epochs,
        logger=TensorBoardLogger(folder, name=None, version="tensorboard"),
        callbacks=callbacks,
        reload_dataloaders_every_n_epochs=1,  # the order of the frames depends on the epoch
        enable_model_summary=False,
        **trainer_settings(),
        num_sanity_val_steps=0,
        log_every_n_steps=20,
    )
    module = ModulationClassifier(network, experiment, folder, teacher)
    last = folder / "last.ckpt"
    if last.exists():
        console.print(f"continuing the interrupted run in {escape(str(run))}", soft_wrap=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on worker processes, which do not pay here
        try:
            trainer.fit(module, batches, ckpt_path=last if last.exists() else None, weights_only=True)
            best = torch.load(folder / "best.ckpt", map_location="cpu", weights_only=True)
            module.load_state_dict(best["state_dict"])
            if experiment.pruning and experiment.pruning.method == "channels":
                module.network, parameters = without_channels(
                    module.network, experiment.topology, experiment.parameters
                )
                experiment = experiment.model_copy(update={"parameters": parameters})
            rows = gathered(torch.cat(trainer.predict(module, batches.test_dataloader()))).numpy()
        except SystemExit as error:  # what Lightning makes of Ctrl-C
            raise KeyboardInterrupt from error
    metrics = measure(class_index=rows[:, 1], snr_db=rows[:, 2], predicted=rows[:, 0])
    return _keep(experiment, module.network.cpu().eval(), identity, metrics, folder)


def _look_every() -> int:
    """Steps from one look at a step's loss to the next: a GPU works ahead of the host until the host wants a number.

    More than one was tried on no GPU yet.
    """
    return 20 if torch.cuda.is_available() else 1


@contextmanager
def _progress_bar(console: Console) -> Iterator[Progress]:
    """A bar for what is done with the data file before training."""
    with ProgressBar(console=console) as bar:
        task = bar.add_task("reading the data")
        yield lambda what, done, total: bar.update(task, description=escape(what), completed=done, total=total)


def _claim(experiment: Experiment, data: Path, run: Path, progress: Progress) -> dict[str, Any]:
    """Make the run directory this experiment's on this data; returns the data's identity."""
    where = origin(data, progress)
    identity = {"kind": where.kind, "identity": where.identity, "sha256": source_sha256(data, progress)}
    if experiment.training.start_from:
        identity["started_from"] = start_identity(experiment.training.start_from)
    config = run / "config.yaml"
    claim: dict[str, Any] = {"data": identity}
    if experiment.distillation:
        claim["teacher"] = {"sha256": teacher_sha256(experiment.distillation, run)}
    with suppress(RadioMLError, FileNotFoundError):
        if read_claim(config) == (experiment, claim):
            return identity
    # Before the first epoch is done there is nothing to mix up: what was wrong with the first try can be put right.
    if any((run / "train" / name).exists() for name in ("last.ckpt", "checkpoint.pth")):
        raise RadioMLError(
            f"{run} holds another experiment, or the same on other data or with another teacher (compare {config}); "
            "choose another --run"
        )
    write_text(config, experiment.to_yaml() + yaml.safe_dump(claim, sort_keys=False))
    return identity


def _keep(
    experiment: Experiment, network: nn.Module, identity: dict[str, Any], metrics: Metrics, folder: Path
) -> TrainedNetwork:
    """Write the checkpoint, the test metrics and their plots, if this process is the first."""
    from radioml.report.plots import accuracy_over_snr, confusion_matrix

    described = f"{kind_of_data(identity)}: {identity['identity']}"
    accuracy = {
        "overall": metrics.overall.accuracy,
        "at_30_db": metrics.at_30_db.accuracy if metrics.at_30_db.frames else None,
        "over": metrics.scope,
        "interval_95": list(metrics.overall.interval),
        "frames": metrics.overall.frames,
        "data": f"test part of {described}",
    }
    trained = TrainedNetwork(network, experiment.topology, experiment.parameters, identity, accuracy)
    if rank():
        return trained
    title = f"{experiment.name}, test part"
    accuracy_over_snr(folder / "accuracy_over_snr.png", {experiment.name: metrics}, title, described)
    confusion_matrix(folder / "confusion_matrix.png", metrics, title, described)
    write_json(folder / "metrics.json", {"data": identity, **metrics.to_dict()})
    save_checkpoint(folder / "checkpoint.pth", trained)
    return trained
