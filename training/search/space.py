"""The search space file: the values of an experiment that a study varies, and their ranges."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from radioml.errors import RadioMLError
from radioml.reading.text import read_yaml
from radioml.reading.validation import problems
from training.experiments.experiment import CONFIGS, load_experiment
from training.models import topology
from training.techniques.section import Section

if TYPE_CHECKING:
    import optuna

SPACES = CONFIGS / "search"


class _Interval(Section):
    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> _Interval:
        if self.low >= self.high:
            raise ValueError(f"low = {self.low:g} is not less than high = {self.high:g}")
        if self.log and (self.low <= 0 or getattr(self, "step", 1) != 1):
            raise ValueError("log needs low > 0 and no step")
        return self


class _Whole(_Interval):
    """A whole number from low to high, or with `entries` a list of that many, each chosen independently."""

    type: Literal["int"]
    low: int
    high: int
    step: int = Field(default=1, ge=1)
    entries: int | None = Field(default=None, ge=1)

    def suggest(self, trial: optuna.Trial, key: str) -> int | list[int]:
        if self.entries is None:
            return trial.suggest_int(key, self.low, self.high, step=self.step, log=self.log)
        names = [f"{key}.{entry}" for entry in range(self.entries)]
        return [trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log) for name in names]

    def examples(self) -> list[Any]:
        return [value if self.entries is None else [value] * self.entries for value in (self.low, self.high)]


class _Real(_Interval):
    """A number from low to high."""

    type: Literal["float"]
    low: float
    high: float

    def suggest(self, trial: optuna.Trial, key: str) -> float:
        return trial.suggest_float(key, self.low, self.high, log=self.log)

    def examples(self) -> list[Any]:
        return [self.low, self.high]


class _Choice(Section):
    """One of several values, which may be lists."""

    type: Literal["categorical"]
    values: list[Any] = Field(min_length=2)

    def suggest(self, trial: optuna.Trial, key: str) -> Any:
        # A database stores no lists, so a choice is stored as text.
        return yaml.safe_load(trial.suggest_categorical(key, [_text(value) for value in self.values]))

    def examples(self) -> list[Any]:
        return self.values


SearchSpace = Mapping[str, Annotated[_Whole | _Real | _Choice, Field(discriminator="type")]]
"""The range of each dotted key of an experiment."""


def load_space(path: Path | None, config: str, changes: Sequence[str]) -> SearchSpace:
    """Read a search space file.

    Args:
        path: the file; None: the shipped one of the experiment's topology.
        config, changes: the experiment, as `load_experiment` takes them.

    Raises:
        RadioMLError: with file and key, for bad YAML, an impossible range, a parameter that the topology lacks, and a
            key of which neither an end nor a choice gives a valid experiment.
    """
    experiment = load_experiment(config, changes)
    if path is None:
        path = SPACES / f"{experiment.topology}.yaml"
        if not path.exists():
            shipped = ", ".join(sorted(p.stem for p in SPACES.glob("*.yaml")))
            raise RadioMLError(
                f"no search space is shipped for topology {experiment.topology!r} (only for {shipped}); give one with "
                "--space"
            )
    value = read_yaml(path)
    if not isinstance(value, dict) or not value:
        raise RadioMLError(f"{path}: expected keys such as training.learning_rate with a range each")
    try:
        space = TypeAdapter(SearchSpace).validate_python(value)
    except ValidationError as error:
        raise RadioMLError("\n  ".join([f"{path}: not a valid search space:", *problems(error)])) from error
    accepted = inspect.signature(topology(experiment.topology).model).parameters
    for key, values in space.items():
        section, _, name = key.partition(".")
        if section == "parameters" and name.partition(".")[0] not in accepted:
            raise RadioMLError(
                f"{path}: {key}: topology {experiment.topology!r} has no such parameter; it has {', '.join(accepted)}"
            )
        _check_key(path, key, values.examples(), config, changes)
    return space


def suggest(trial: optuna.Trial, space: SearchSpace) -> list[str]:
    """The values of a trial, as changes for `load_experiment`."""
    return [f"{key}={_text(values.suggest(trial, key))}" for key, values in space.items()]


def _check_key(path: Path, key: str, examples: list[Any], config: str, changes: Sequence[str]) -> None:
    first_error = None
    for value in examples:
        try:
            load_experiment(config, [*changes, f"{key}={_text(value)}"])
            return
        except RadioMLError as error:
            first_error = first_error or error
    raise RadioMLError(f"{path}: {key}: {first_error}") from first_error


def _text(value: Any) -> str:
    """A value as YAML on one line, for `--set`. JSON would write 1e-05, which YAML reads as text."""
    return yaml.safe_dump(value, default_flow_style=True, width=math.inf).removesuffix("...\n").strip()
