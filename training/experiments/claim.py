"""A run directory belongs to one experiment on one data file, as its config.yaml says; a new run is compared with
it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from radioml.contract.training_data import TrainingData
from radioml.data.provenance import origin
from radioml.data.source_digest import Progress, source_sha256
from radioml.errors import RadioMLError
from radioml.files import write_text
from radioml.reading.records import shown, values
from radioml.run_directory import CHECKPOINT, CONFIG, LAST, TRAIN
from training.experiments.experiment import Experiment, read_claim
from training.models import is_own, loaded
from training.techniques.distillation import teacher_sha256
from training.trained.checkpoint import start_identity

_MOST_KEYS = 5
"""Most differing keys that a message names."""


def claim(experiment: Experiment, data: Path, run: Path, progress: Progress) -> TrainingData:
    """Make the run directory this experiment's on this data; returns the data's identity.

    Raises RadioMLError where the directory belongs to another experiment or other data.
    """
    where = origin(data, progress)
    start = experiment.training.start_from
    identity = TrainingData(
        where.kind, where.identity, source_sha256(data, progress), start_identity(start) if start else None
    )
    config = run / CONFIG
    entries: dict[str, Any] = {"data": values(identity)}
    if is_own(experiment.topology):
        entries["code"] = {"sha256": loaded(experiment.topology).sha256}
    if experiment.distillation:
        entries["teacher"] = {"sha256": teacher_sha256(experiment.distillation, run)}
    there = None
    with suppress(RadioMLError):
        there = read_claim(config)
    if there == (experiment, entries):
        return identity
    # A run without a finished epoch may be claimed anew, so that a mistake in the first try can be corrected.
    if any((run / TRAIN / name).exists() for name in (LAST, CHECKPOINT)):
        raise RadioMLError(
            f"{run} holds another run: {_differences(there, (experiment, entries))}; choose another --run"
        )
    write_text(config, experiment.to_yaml() + yaml.safe_dump(entries, sort_keys=False))
    return identity


def _differences(there: tuple[Experiment, dict[str, Any]] | None, now: tuple[Experiment, dict[str, Any]]) -> str:
    """The keys whose values in a run's config.yaml differ from the values now, in words."""
    if there is None:
        return "its config.yaml is missing or damaged"
    before, after = (_flat({**experiment.model_dump(), **claim}) for experiment, claim in (there, now))
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    said = [f"{key} is {shown(before.get(key))} there and {shown(after.get(key))} now" for key in keys[:_MOST_KEYS]]
    return "; ".join([*said, *([f"and {len(keys) - _MOST_KEYS} more"] if len(keys) > _MOST_KEYS else [])])


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values by their dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
