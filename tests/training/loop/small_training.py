"""A training of a second."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from training.experiments.experiment import Experiment
from training.loop.train import train
from training.trained.checkpoint import TrainedNetwork

SETTINGS = {"epochs": 2, "batch_size": 64, "minimum_snr_db": 20, "seed": 1}
EXPERIMENT = Experiment(
    name="small",
    topology="polyphase",
    parameters={"channels": [8], "kernels": [3], "strides": [8]},
    training=SETTINGS,
)


def train_small(data: Path, run: Path, **changes: object) -> TrainedNetwork:
    """Train EXPERIMENT, with changes of its section `training`."""
    experiment = EXPERIMENT.model_copy(update={"training": EXPERIMENT.training.model_copy(update=changes)})
    return train(experiment, data, run, Console(quiet=True))
