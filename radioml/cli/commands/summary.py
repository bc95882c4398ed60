"""`radioml summary`: one table for a whole run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from radioml.cli import app
from radioml.cli.console.terminal import JsonOption, give, results


@app.command(epilog="Example: radioml summary runs/demo")
def summary(
    run: Annotated[Path, typer.Argument(help="A run directory, e.g. runs/demo.", show_default=False)],
    json: JsonOption = None,
) -> None:
    """Show the figures of a run: score, estimate, simulation, accuracy, and where the plots are."""
    from radioml.report.summary import summarise

    table = Table(title=f"run {escape(str(run))}", show_header=False)
    rows = summarise(run)
    for what, figure in rows:
        table.add_row(what, escape(figure))
    results.print(table)
    give([{"what": what, "figure": figure} for what, figure in rows], json)
