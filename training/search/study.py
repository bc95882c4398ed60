"""A study: many trials of one experiment, in search of networks that are both cheap and accurate.

Optuna chooses the trials and stores them in a database; any number of workers share a study through the database. The
objectives are a low challenge score of the exported model and a high accuracy on validation frames. The test part has
no influence. A trial whose worker died has no heartbeat; another worker tries it again in the same run directory, so
that the training continues.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
import yaml
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from radioml.data.dataset import read_layout
from radioml.data.source_digest import Progress, source_sha256
from radioml.data.split import fixed_split
from radioml.errors import MissingToolError, RadioMLError
from radioml.run_directory import CHECKPOINT, SCORE, TRAIN
from training.cost.score import score_model
from training.experiments.experiment import Experiment, load_experiment
from training.loop.bad_batch import DivergedError
from training.loop.distributed import world_size
from training.loop.train import train
from training.models import create
from training.search.space import SearchSpace, load_space, suggest
from training.trained.evaluate import evaluate
from training.trained.export import export

DIRECTIONS = ("minimize", "maximize")
HEARTBEAT_SECONDS = 60
"""A trial is given up after twice this time without a heartbeat."""
POLL_SECONDS = 2
VALIDATION_FRAMES = 49_920
"""At most this many frames give the accuracy: +-0.44 points with 95 % confidence. Exact integers for more frames would
take longer than some trainings."""

# Heartbeats and constant_liar are called experimental, but have been in Optuna for years; Optuna's version is pinned.
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
_RETRY = RetryHeartbeatStaleTrialCallback(max_retry=2)


@dataclass(frozen=True)
class Search:
    """The subject of a study.

    experiment: the trials are variations of this experiment; the study has its name.
    space: the values that are varied.
    data: a RadioML file.
    folder: gets a run directory for each trial.
    """

    experiment: Experiment
    space: SearchSpace
    data: Path
    folder: Path

    @classmethod
    def of(cls, config: str, changes: Sequence[str], space: Path | None, data: Path, folder: Path | None) -> Search:
        """Read and check everything; raises RadioMLError, see `load_experiment` and `load_space`."""
        experiment = load_experiment(config, changes)
        loaded = load_space(space, config, changes)
        return cls(experiment, loaded, data, folder or Path("runs", "search", experiment.name))

    def default_url(self) -> str:
        """A SQLite database in the folder."""
        return f"sqlite:///{self.folder / 'study.db'}"


def open_study(search: Search, url: str, progress: Progress) -> optuna.Study:
    """Open the study in a database, or create it there.

    Raises RadioMLError for a database that cannot be opened, for a study of the same name with another subject, and
    under torchrun.
    """
    if world_size() > 1:
        raise RadioMLError("torchrun cannot share a search; start `radioml search` several times")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    name = search.experiment.name
    study = _connect(url, name)
    about = {
        "experiment": search.experiment.to_yaml(),
        "space": yaml.safe_dump({key: values.model_dump() for key, values in search.space.items()}),
        "data": source_sha256(search.data, progress),
    }
    known = study.user_attrs
    for what, value in about.items():
        if known.get(what, value) != value:
            raise RadioMLError(
                f"study {name!r} in {_shown(url)} has another {what}; choose another name: --set name={name}-2"
            )
        study.set_user_attr(what, value)
    return study


def _connect(url: str, name: str) -> optuna.Study:
    # SQLite refuses a writer that has waited for 5 seconds, which is short for a busy shared disk.
    settings = {"connect_args": {"timeout": 60}} if url.startswith("sqlite:") else {}
    # Workers choose their next trial while others run; constant_liar makes their choices differ.
    sampler = optuna.samplers.TPESampler(constant_liar=True)
    for last in (False, False, True):
        try:
            storage = RDBStorage(
                url, settings, heartbeat_interval=HEARTBEAT_SECONDS, heartbeat_stale_trial_callback=_RETRY
            )
            return optuna.create_study(
                storage=storage, study_name=name, directions=DIRECTIONS, sampler=sampler, load_if_exists=True
            )
        except ImportError as error:
            missing = error.__context__ or error  # Optuna's own message lacks the name of the module
            raise MissingToolError(f"{_shown(url)}: {missing}; install the database's Python driver") from error
        except (ArgumentError, NoSuchModuleError) as error:
            raise RadioMLError(f"{_shown(url)}: {error}") from error
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            if last:
                raise RadioMLError(f"{_shown(url)}: {str(error).splitlines()[0]}") from error
            time.sleep(POLL_SECONDS)  # workers that start together create the tables at the same time
    raise AssertionError("the last attempt returns or raises")


def _shown(url: str) -> str:
    """A database URL without the password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def run_trials(search: Search, study: optuna.Study, trials: int, console: Console) -> None:
    """Work on a study until `trials` trials are finished, by this worker or others; pruned trials count.

    Waits for trials of other workers, and takes over trials whose worker died. After Ctrl-C the same call continues.
    """
    waiting = False
    while (running := _unfinished(study, trials)) is not None:
        if running:
            if not waiting:
                console.print(f"waiting for trials that run elsewhere, or ran until a moment ago: {running}")
            waiting = True
            time.sleep(POLL_SECONDS)
            continue
        waiting = False
        study.optimize(lambda trial: _objective(search, trial, console), n_trials=1)


def _unfinished(study: optuna.Study, trials: int) -> int | None:
    """Number of other workers' trials to wait for; 0 if a trial can start now, None if enough are finished."""
    optuna.storages.fail_stale_trials(study)
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    missing = trials - states.count(TrialState.COMPLETE) - states.count(TrialState.PRUNED)
    if missing <= 0:
        return None
    running = states.count(TrialState.RUNNING)
    return running if running >= missing else 0


def _objective(search: Search, trial: optuna.Trial, console: Console) -> tuple[float, float]:
    """Score and validation accuracy of one trial."""
    try:
        values = _measure(search, trial, console)
    except optuna.TrialPruned as reason:
        trial.set_user_attr("reason", str(reason))
        console.print(f"trial {trial.number}: no network: {escape(str(reason))}", soft_wrap=True)
        raise
    except BaseException:
        _RETRY(trial.study, trial.study.trials[trial.number])
        raise
    console.print(f"trial {trial.number}: score {values[0]:.6f}, validation accuracy {values[1]:.2%}")
    return values


def _measure(search: Search, trial: optuna.Trial, console: Console) -> tuple[float, float]:
    changes = suggest(trial, search.space)
    for other in trial.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]):
        if other.params == trial.params:
            raise optuna.TrialPruned(f"the same as trial {other.number}")
    first = RetryHeartbeatStaleTrialCallback.retried_trial_number(trial.study.trials[trial.number])
    number = f"{trial.number if first is None else first:04d}"
    run = search.folder / f"trial-{number}"
    console.print(f"trial {trial.number} in {escape(str(run))}: {escape(', '.join(changes))}", soft_wrap=True)
    name = f"name={search.experiment.name}-{number}"
    try:
        experiment = search.experiment.changed([*changes, name])
        create(experiment.topology, experiment.parameters)
    except RadioMLError as error:
        raise optuna.TrialPruned(str(error)) from error
    trial.set_user_attr("run", str(run))
    trial.set_user_attr("changes", changes)
    try:
        train(experiment, search.data, run, console)
    except DivergedError as error:
        raise optuna.TrialPruned(str(error)) from error
    folder = run / TRAIN
    score = score_model(export(folder / CHECKPOINT, folder))
    score.write(folder / SCORE)
    if score.unsupported:
        raise optuna.TrialPruned(f"the cost function does not know {', '.join(score.unsupported)}")
    available = len(fixed_split(read_layout(search.data)).validation)
    evaluation = evaluate(folder / CHECKPOINT, search.data, part="validation", frames=min(available, VALIDATION_FRAMES))
    if evaluation.interrupted:  # a study compares trials on equal frames
        raise KeyboardInterrupt
    if evaluation.problem:
        raise RadioMLError(evaluation.problem)
    return score.score, evaluation.metrics.overall.accuracy
