"""Trains a teacher that is named by its experiment: before the student, on the same data, by the same command."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from radioml.run_directory import CHECKPOINT, TRAIN
from training.experiments.experiment import Experiment, is_shipped, load_experiment
from training.loop.train import train
from training.models.on_statistics import FITTED


def with_trained_teacher(experiment: Experiment, data: Path, run: Path, console: Console) -> Experiment:
    """The experiment with a checkpoint as its teacher.

    Where `distillation.teacher` names a shipped experiment, that experiment is trained into the folder RUN-teacher
    beside `run`; a teacher that is trained already is taken as it is. Arguments and errors are those of
    `training.loop.train.train`.
    """
    wanted = experiment.distillation
    if not wanted or not is_shipped(wanted.teacher):
        return experiment
    place = run.with_name(f"{run.name}-teacher")
    changes = [f"parameters.{name}={experiment.parameters[name]}" for name in FITTED if name in experiment.parameters]
    teacher = load_experiment(wanted.teacher, changes)
    train(with_trained_teacher(teacher, data, place, console), data, place, console)
    taught = wanted.model_copy(update={"teacher": str(place / TRAIN / CHECKPOINT)})
    return experiment.model_copy(update={"distillation": taught})
