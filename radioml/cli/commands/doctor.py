"""`radioml doctor`: what is installed, stage by stage."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from radioml.cli import app
from radioml.cli.console.terminal import JsonOption, give, results
from radioml.errors import RadioMLError


@app.command(epilog="Examples: `radioml doctor`; `radioml doctor bitfile-zynq` in a script that goes by the exit code.")
def doctor(
    stage: Annotated[
        str | None,
        typer.Argument(help="Check this stage alone; the exit code is 3 if something is missing.", show_default=False),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Say for each stage what is present, its version, and what is missing with the way to get it.

    Stages: training, build, simulation, bitfile-zynq, bitfile-alveo (`bitfile`: both), board, data. Each stage works
    without the later ones: training, estimates, RTL and its simulation do without Vivado and board.
    """
    from radioml.doctor.need import missing
    from radioml.doctor.stages import next_steps, stages

    known = stages()
    chosen = {name: needs for name, needs in known.items() if stage in (None, name, name.split("-")[0])}
    if not chosen:
        raise RadioMLError(f"unknown stage {stage!r}; the stages are {', '.join(known)}")
    table = Table("stage", "needs", "found, or how to get it", box=SIMPLE, padding=(0, 1, 0, 0))
    said: dict[str, str] = {}
    for name, needs in chosen.items():
        for index, need in enumerate(needs):
            title = f"{name}{'' if missing(needs) else ' [green]ready[/]'}" if index == 0 else ""
            same = f"see {said[need.get]}" if need.get in said else need.get
            how = escape(f"{need.wrong or 'not found'}: {same}")
            if not need.present:
                said.setdefault(need.get, need.name)
            table.add_row(title, need.name, escape(need.found or "") if need.present else f"[red]{how}[/]")
        table.add_section()
    results.print(table)
    for step in next_steps(known):
        results.print(escape(step), soft_wrap=True)
    give(
        {
            name: {"ready": not missing(needs), "needs": [asdict(need) for need in needs]}
            for name, needs in chosen.items()
        },
        json,
    )
    if stage and any(missing(needs) for needs in chosen.values()):
        raise typer.Exit(3)
