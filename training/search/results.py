"""The results of a study: its Pareto front as table, plot and JSON."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState
from rich.markup import escape
from rich.table import Table

from radioml.contract.search import SearchReport, Trial
from radioml.files import replacing
from radioml.report.axes import per_cent, plain_logarithmic


def write_results(study: optuna.Study, folder: Path, data: str) -> None:
    """Write pareto.json, with state and values of every trial, and pareto.png.

    data: description of the data on which the accuracies were measured.
    """
    report(study, data).write(folder / "pareto.json")
    _plot(study, folder / "pareto.png", data)


def report(study: optuna.Study, data: str) -> SearchReport:
    """The content of `pareto.json`; data: as in `write_results`."""
    front = {trial.number for trial in study.best_trials}
    trials = tuple(_trial(trial, trial.number in front) for trial in study.get_trials(deepcopy=False))
    return SearchReport(study.study_name, data, trials)


def front_table(study: optuna.Study, data: str) -> Table:
    """The Pareto front, cheapest first: trials that no other trial beats in both score and accuracy."""
    table = Table(title=f"Pareto front, {escape(data)}")
    for name in ("run", "score", "validation accuracy", "--set"):
        table.add_column(name, overflow="fold")
    for trial in _by_score(study.best_trials):
        changes = "\n".join(escape(change) for change in trial.user_attrs["changes"])
        score, accuracy = trial.values
        table.add_row(escape(Path(trial.user_attrs["run"]).name), f"{score:.6f}", f"{accuracy:.2%}", changes)
    return table


def _by_score(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    return sorted(trials, key=lambda trial: trial.values)


def _trial(trial: FrozenTrial, on_front: bool) -> Trial:
    score, accuracy = trial.values if trial.state == TrialState.COMPLETE else (None, None)
    state, attributes = trial.state.name.lower(), trial.user_attrs
    return Trial(
        trial.number, state, on_front, score, accuracy, trial.params, attributes.get("run"), attributes.get("reason")
    )


def _plot(study: optuna.Study, path: Path, data: str) -> None:
    from matplotlib.figure import Figure

    complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    axes.scatter(*_points(complete), color="grey", s=16, label=f"{len(complete)} trials")
    axes.step(*_points(_by_score(study.best_trials)), where="post", marker="o", label="Pareto front")
    axes.set(xscale="log", xlabel="score (VGG10 W8A8: 1; lower is better)", ylabel="accuracy on validation frames")
    per_cent(axes.yaxis)
    plain_logarithmic(axes.xaxis)
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    axes.set_title(f"{study.study_name}\n{data}", fontsize=11)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)


def _points(trials: list[FrozenTrial]) -> tuple[list[float], list[float]]:
    return [trial.values[0] for trial in trials], [trial.values[1] for trial in trials]
