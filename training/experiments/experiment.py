"""The experiment file: one checked YAML that decides, with the data, what a training run gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from radioml.constants import SNRS_DB
from radioml.errors import RadioMLError
from radioml.reading.text import parse_yaml, read_yaml
from radioml.reading.validation import problems
from radioml.suggest import did_you_mean
from training.techniques.augmentation import Augmentation
from training.techniques.averaging import Averaging
from training.techniques.distillation import Distillation
from training.techniques.pruning import Pruning
from training.techniques.schedule import Schedule
from training.techniques.section import Section

CONFIGS = Path(__file__).parents[1] / "configs"


class TrainingSettings(Section):
    """How the weights are trained.

    start_from: a checkpoint.pth of the same topology with the first weights; default: random weights.
    learning_rate: the highest of the schedule.
    schedule: of the learning rate, see `training.techniques.schedule`.
    warm_up_epochs: epochs, or a part of one, in which the rate rises at the start; default: a tenth of the run for
        one_cycle, none for the others.
    frozen_epochs: last epochs in which quantised weights keep their integers, see `training.techniques.freezing`.
    minimum_snr_db, maximum_snr_db: training frames outside these SNR labels are left out: frames near noise cost time
        and teach little. The official split is unchanged; validation and test have all SNRs.
    """

    start_from: str | None = None
    epochs: int = Field(default=10, ge=1)
    batch_size: int = Field(default=512, ge=1)
    learning_rate: float = Field(default=4e-3, gt=0, le=10)
    schedule: Schedule = "one_cycle"
    warm_up_epochs: float | None = Field(default=None, ge=0)
    weight_decay: float = Field(default=0.01, ge=0, le=10)
    frozen_epochs: int = Field(default=0, ge=0)
    minimum_snr_db: int = Field(default=SNRS_DB[0], le=SNRS_DB[-1])
    maximum_snr_db: int = Field(default=SNRS_DB[-1], ge=SNRS_DB[0])
    seed: int = Field(default=2018, ge=0, lt=1 << 32)

    @model_validator(mode="after")
    def _leaves_something_to_train(self) -> TrainingSettings:
        if self.warm_up_epochs is not None and self.warm_up_epochs >= self.epochs:
            raise ValueError(f"warm_up_epochs = {self.warm_up_epochs:g} is not less than epochs = {self.epochs}")
        if self.frozen_epochs >= self.epochs:
            raise ValueError(f"frozen_epochs = {self.frozen_epochs} is not less than epochs = {self.epochs}")
        lowest, highest = self.minimum_snr_db, self.maximum_snr_db
        if not any(lowest <= snr_db <= highest for snr_db in SNRS_DB):
            raise ValueError(f"there are no frames from minimum_snr_db = {lowest} to maximum_snr_db = {highest}")
        return self


class Experiment(Section):
    """One experiment: a topology with its parameters, and how the network is trained.

    name: of the default run directory.
    topology: a name of `radioml models list`, or the user's own code: FILE.py:CLASS, beside the experiment file, or
        PACKAGE.MODULE:CLASS.
    augmentation, averaging, distillation, pruning: see `training.techniques`; an absent one is not used.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    topology: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    training: TrainingSettings = TrainingSettings()
    augmentation: Augmentation | None = None
    averaging: Averaging | None = None
    distillation: Distillation | None = None
    pruning: Pruning | None = None

    @model_validator(mode="after")
    def _pruning_fits(self) -> Experiment:
        if self.pruning:
            self.pruning.check(self.training.epochs, averaging=self.averaging is not None)
        return self

    def to_yaml(self) -> str:
        """All settings, defaults included."""
        return yaml.safe_dump(self.model_dump(), sort_keys=False)

    def changed(self, changes: Sequence[str]) -> Experiment:
        """A copy with other values; changes and errors are those of `load_experiment`."""
        return _experiment(self.model_dump(exclude_unset=True), changes, self.name)


def read_claim(config: Path) -> tuple[Experiment, dict[str, Any]]:
    """The experiment in a run's config.yaml, and the entries `data`, `teacher` and `code` that training added.

    Settings without an entry have their defaults. Raises RadioMLError for a file that `radioml train` did not write.
    """
    try:
        value = dict(read_yaml(config))
        claim = {name: value.pop(name) for name in ("data", "teacher", "code") if name in value}
        return Experiment(**value), claim
    except (ValueError, TypeError) as error:
        raise RadioMLError(f"{config}: not what `radioml train` wrote: {error}") from error


def is_shipped(name: str) -> bool:
    """Whether this is the name of a shipped experiment."""
    return (CONFIGS / f"{name}.yaml").exists()


def load_experiment(config: str, changes: Sequence[str] = ()) -> Experiment:
    """Read an experiment, and run the user's own code if its topology names some.

    Args:
        config: a YAML file, or the name of a shipped experiment.
        changes: values to replace, each as KEY=VALUE with dots between the parts of the key and a value in YAML, such
            as training.epochs=2.

    Raises:
        RadioMLError: with file and key, for a missing file, bad YAML, unknown keys and wrong values.
    """
    path = Path(config)
    if not path.exists() and is_shipped(config):
        path = CONFIGS / f"{config}.yaml"
    if not path.exists():
        shipped = sorted(p.stem for p in CONFIGS.glob("*.yaml"))
        hint = did_you_mean(config, shipped)
        raise RadioMLError(f"{config}: no such experiment file{hint} Shipped ones are: {', '.join(shipped)}")
    value = read_yaml(path)
    if not isinstance(value, dict):
        raise RadioMLError(f"{path}: expected keys such as name, topology, training")
    experiment = _experiment(value, changes, str(path))
    if ":" in experiment.topology:  # other experiments are read without the seconds that loading torch takes
        from training.models.own_code import load_own

        load_own(experiment.topology, path.parent)
    return experiment


def _experiment(value: dict[str, Any], changes: Sequence[str], source: str) -> Experiment:
    for change in changes:
        _apply(change, value)
    try:
        return Experiment(**value)
    except ValidationError as error:
        raise RadioMLError("\n  ".join([f"{source}: not a valid experiment:", *problems(error, Experiment)])) from error


def _apply(change: str, experiment: dict[str, Any]) -> None:
    key, equals, text = change.partition("=")
    *parents, last = key.split(".")
    try:
        if not equals or not all((*parents, last)):
            raise ValueError("not of the form KEY=VALUE")
        section = experiment
        for parent in parents:
            section = section.setdefault(parent, {})
            if not isinstance(section, dict):
                raise ValueError(f"{parent} has no keys inside")
        section[last] = parse_yaml(text, f"the value of {key}")
    except (ValueError, RadioMLError) as error:
        raise RadioMLError(f"{change!r}: {error}; expected something like training.epochs=2") from error
