"""Training of one experiment: from experiment and data file to a checkpoint with its test accuracy.

Lightning runs the epochs; `training.loop.classifier` says what a step is.
"""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import cast

import lightning
import torch
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from rich.console import Console
from rich.markup import escape
from torch import nn

from radioml.contract.accuracy import TrainedAccuracy, TrainedMetrics
from radioml.contract.history import read_history
from radioml.contract.training_data import TrainingData
from radioml.data.provenance import kind_of_data
from radioml.data.source_digest import Progress
from radioml.errors import RadioMLError
from radioml.files import alone_in
from radioml.processes import cores
from radioml.progress import WorkProgress
from radioml.report.metrics import Metrics, measure
from radioml.run_directory import BEST, CHECKPOINT, HISTORY, LAST, METRICS, PRUNING, TRAIN
from training.data.batches import RadioMLData, frames_for
from training.experiments.claim import claim
from training.experiments.experiment import Experiment
from training.loop.callbacks import EpochReport, MovedRun
from training.loop.classifier import ModulationClassifier, look_every
from training.loop.distributed import (
    connected,
    first_process_first,
    gathered,
    rank,
    synchronise_batch_norms,
    trainer_settings,
    world_size,
)
from training.loop.history import History
from training.models import create, is_own
from training.models.on_statistics import OnStatistics
from training.models.shrinkable import Shrinkable
from training.techniques.ablation import Ablation
from training.techniques.ablation_callback import Ablator
from training.techniques.averaging import averaging
from training.techniques.distillation import Teacher
from training.techniques.freezing import Freezing
from training.techniques.pruning_callback import RANK, Pruner
from training.techniques.pruning_channels import without_channels
from training.trained.checkpoint import TrainedNetwork, load_checkpoint, read_unfinished, save_checkpoint, start_with
from training.trained.export import rehearse


def train(experiment: Experiment, data: Path, run: Path, console: Console) -> TrainedNetwork:
    """Train an experiment on a RadioML file and measure the network on the test part.

    The epoch with the best validation accuracy is chosen; the test part is read once, at the end. A finished run is
    left as it is; an interrupted one continues with the epoch in which it ended. Under torchrun every process calls
    this function and gets the same result; see `training.loop.distributed`.

    Args:
        experiment: what to train.
        data: the RadioML HDF5 file.
        run: the run directory; checkpoint, metrics, plots and log go to its folder train/.
        console: where progress is reported.

    Returns:
        The trained network in evaluation mode, with its test accuracy.

    Raises:
        RadioMLError: where `run` belongs to another experiment or other data, or where another process trains there.
        KeyboardInterrupt: on Ctrl-C; the same call continues the run.
        SystemExit: with code 143 on SIGTERM; the same call continues the run.
    """
    if rank():
        console = Console(quiet=True)
    with connected(), alone_in(run) if rank() == 0 else nullcontext():
        return _train(experiment, data, run, console)


def _train(experiment: Experiment, data: Path, run: Path, console: Console) -> TrainedNetwork:
    folder = run / TRAIN
    with first_process_first(), _progress_bar(console) as progress:
        identity = claim(experiment, data, run, progress)
    if (folder / CHECKPOINT).exists():
        console.print(f"{escape(str(run))} is trained already", soft_wrap=True)
        return load_checkpoint(folder / CHECKPOINT)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if "OMP_NUM_THREADS" not in os.environ:  # torch takes a thread for every core of the machine
        torch.set_num_threads(min(torch.get_num_threads(), cores()))
    settings = experiment.training
    lightning.seed_everything(settings.seed, verbose=False)
    network = create(experiment.topology, experiment.parameters)
    if is_own(experiment.topology):
        rehearse(network, experiment.topology)
    if settings.start_from:
        start_with(network, experiment.topology, settings.start_from)
    if isinstance(network, OnStatistics) and experiment.augmentation:
        raise RadioMLError(
            f"augmentation: {experiment.topology!r} is trained on statistics that are computed once. Leave the "
            "section out; radioml data synth --preset impaired varies the frames"
        )
    synchronise_batch_norms(network)
    with first_process_first(), _progress_bar(console) as progress:
        frames = frames_for(
            network, data, progress,
            lambda warning: console.print(f"[yellow]warning:[/] {escape(warning)}", soft_wrap=True),
        )  # fmt: skip
    frames.move_to_gpu_if_it_fits()
    wanted = experiment.distillation
    teacher = Teacher(wanted, identity, network) if wanted else None
    batches = RadioMLData(
        frames, settings.batch_size, settings.minimum_snr_db, settings.seed, rank(), world_size(),
        settings.maximum_snr_db,
    )  # fmt: skip
    module = ModulationClassifier(network, experiment, folder, teacher)
    trainer = _trainer(experiment, folder, console)
    last = folder / LAST
    if last.exists():
        read_unfinished(last)
        console.print(f"continuing the interrupted run in {escape(str(run))}", soft_wrap=True)
    with _expected_warnings_ignored(), _signals_as_exceptions(console):
        trainer.fit(module, batches, ckpt_path=last if last.exists() else None, weights_only=True)
        module.load_state_dict(read_unfinished(folder / BEST)["state_dict"])
        if experiment.pruning and experiment.pruning.method == "channels":
            assert isinstance(module.network, Shrinkable), "the pruner refuses others"
            module.network, parameters = without_channels(module.network, experiment.topology, experiment.parameters)
            experiment = experiment.model_copy(update={"parameters": parameters})
        predicted = cast(list[torch.Tensor], trainer.predict(module, batches.test_dataloader()))
        rows = gathered(torch.cat(predicted)).numpy()
    trained = module.network
    if isinstance(trained, OnStatistics):
        trained, parameters = trained.without_unused(experiment.parameters)
        experiment = experiment.model_copy(update={"parameters": parameters})
    metrics = measure(class_index=rows[:, 1], snr_db=rows[:, 2], predicted=rows[:, 0])
    return _write(experiment, trained.cpu().eval(), identity, metrics, folder)


def _trainer(experiment: Experiment, folder: Path, console: Console) -> lightning.Trainer:
    """Lightning's trainer with the callbacks that the experiment asks for."""
    best = ModelCheckpoint(
        folder, "best", monitor=RANK if experiment.pruning else "validation/accuracy", mode="max",
        enable_version_counter=False,
    )  # fmt: skip
    last = ModelCheckpoint(folder, "last", enable_version_counter=False)  # `save_last` skips epochs that are no best
    reports = [LearningRateMonitor("step"), RichProgressBar(look_every()), EpochReport(console), History(folder)]
    callbacks = [MovedRun(folder), best, last, *reports]
    if experiment.averaging:
        callbacks.append(averaging(experiment.averaging))
    if experiment.training.frozen_epochs:
        callbacks.append(Freezing(experiment.training.frozen_epochs))
    if pruning := experiment.pruning:  # after averaging, because averages are pruned too
        report = folder / PRUNING
        if isinstance(pruning.schedule, Ablation):
            callbacks.append(Ablator(pruning.schedule, experiment.training.seed, console, report))
        else:
            callbacks.append(Pruner(pruning, console, report))
    return lightning.Trainer(
        max_epochs=experiment.training.epochs,
        logger=TensorBoardLogger(folder, name=None, version="tensorboard"),
        callbacks=callbacks,
        reload_dataloaders_every_n_epochs=1,  # the order of the frames depends on the epoch
        enable_model_summary=False,
        **trainer_settings(),
        num_sanity_val_steps=0,
        log_every_n_steps=20,
    )


_EXPECTED_WARNINGS = (
    "Checkpoint directory .* exists and is not empty",  # a run that continues
    "The number of training batches .* is smaller than the logging interval",  # a small data set
    "You have overridden `on_after_batch_transfer` in `LightningModule`",  # as intended
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",  # Lightning's own call of torch
)


@contextmanager
def _expected_warnings_ignored() -> Iterator[None]:
    """Ignore Lightning's warnings about intended behaviour; all others are shown."""
    with warnings.catch_warnings():
        for message in _EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        yield


@contextmanager
def _signals_as_exceptions(console: Console) -> Iterator[None]:
    """Raise KeyboardInterrupt for Ctrl-C and SystemExit(143) for SIGTERM; Lightning turns both into SystemExit.

    Any other SystemExit passes unchanged.
    """
    try:
        yield
    except SIGTERMException as error:  # a SystemExit with exit code 0
        console.print("the run was ended by SIGTERM; the same command continues the run")
        raise SystemExit(128 + signal.SIGTERM) from error
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise


@contextmanager
def _progress_bar(console: Console) -> Iterator[Progress]:
    """A bar for the preparation of the data file before training."""
    with WorkProgress(console=console) as bar:
        task = bar.add_task("reading the data")
        yield lambda what, done, total: bar.update(task, description=escape(what), completed=done, total=total)


def _write(
    experiment: Experiment, network: nn.Module, identity: TrainingData, metrics: Metrics, folder: Path
) -> TrainedNetwork:
    """Write the checkpoint, the test metrics and their plots; only the first process writes."""
    from radioml.report.plots import accuracy_over_snr, confusion_matrix
    from radioml.report.training_plot import training_curve

    described = f"{kind_of_data(identity.kind)}: {identity.identity}"
    overall = metrics.overall
    accuracy = TrainedAccuracy(
        overall=overall.accuracy,
        at_30_db=metrics.at_30_db.share.accuracy,
        over=metrics.scope,
        interval_95=overall.interval,
        frames=overall.frames,
        data=f"test part of {described}",
    )
    trained = TrainedNetwork(network, experiment.topology, experiment.parameters, identity, accuracy)
    if rank():
        return trained
    title = f"{experiment.name}, test part"
    accuracy_over_snr(folder / "accuracy_over_snr.png", {experiment.name: metrics}, title, described)
    confusion_matrix(folder / "confusion_matrix.png", metrics, title, described)
    if history := read_history(folder / HISTORY):
        training_curve(folder / "training_curve.png", history, experiment.name, f"validation part, {described}")
    TrainedMetrics(data=identity, **vars(metrics.measured)).write(folder / METRICS)
    save_checkpoint(folder / CHECKPOINT, trained)
    return trained
