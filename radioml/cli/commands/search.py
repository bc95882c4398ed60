"""`radioml search`: a study of many trainings, for networks that are cheap and accurate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from radioml.cli import app
from radioml.cli.console.terminal import JsonOption, give, notes, results
from radioml.progress import WorkProgress


@app.command(
    epilog="Example: radioml search polyphase --data data/synthetic.hdf5 --trials 50 --set training.epochs=5; the "
    "same line in another terminal is a second worker."
)
def search(
    config: Annotated[str, typer.Argument(help="An experiment file, or the name of a shipped one, e.g. polyphase.")],
    data: Annotated[Path, typer.Option(help="RadioML HDF5 file, real or from `radioml data synth`.")],
    trials: Annotated[
        int, typer.Option(min=1, help="Total number of trials, over all workers; impossible networks count.")
    ],
    space: Annotated[
        Path | None, typer.Option(help="Search space; default: training/configs/search/TOPOLOGY.yaml.")
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(help="Database of the study, as an SQLAlchemy URL; default: sqlite:///OUT/study.db."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of results and trials; default: runs/search/NAME.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a value of the experiment, e.g. --set training.epochs=5; repeatable."),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Search a topology's space for networks with a low score and a high accuracy on validation frames.

    Optuna varies the dotted keys of the search space file, each with a range or choices. The study has the experiment's
    name and is kept in a database. Every trial is trained, exported and scored like a single run, in OUT/trial-NUMBER;
    test frames have no influence. The same command continues an interrupted study. Started several times, also on
    several hosts, it adds workers to the study; no trial is lost when a worker dies. CUDA_VISIBLE_DEVICES gives a
    worker its GPU.

    Writes pareto.json and pareto.png; `radioml evaluate` and `compare` then take the chosen trials' runs.
    """
    from radioml.data.provenance import origin
    from training.search.results import front_table, report, write_results
    from training.search.study import Search, open_study, run_trials

    wanted = Search.of(config, changes or (), space, data, out)
    with WorkProgress(console=notes, transient=True) as bar:
        task = bar.add_task("reading the data")
        opened = open_study(
            wanted,
            study or wanted.default_url(),
            lambda what, done, total: bar.update(task, description=escape(what), completed=done, total=total),
        )
    described = f"validation part of {origin(data)}"
    try:
        run_trials(wanted, opened, trials, results)
    finally:
        if opened.best_trials:
            write_results(opened, wanted.folder, described)
            results.print(front_table(opened, described))
            results.print(f"written to {escape(str(wanted.folder))}", soft_wrap=True)
            give(report(opened, described).to_json(), json)
