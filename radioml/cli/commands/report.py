"""`radioml report`: all figures of a run as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from radioml.cli import app
from radioml.cli.console.terminal import results
from radioml.run_directory import REPORT

if TYPE_CHECKING:
    from radioml.report.tradeoff_plot import Point


@app.command(epilog="Example: radioml report runs/demo")
def report(
    run: Annotated[Path, typer.Argument(help="A run directory, e.g. runs/demo.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="The file to write; default: RUN/report.html.")] = None,
) -> None:
    """Write one HTML page with all figures of a run, each with its condition: synthetic, estimated, simulated ...

    The page holds its figures, data and scripts, so it opens offline in any browser.
    """
    from radioml.report.page.render import write_page
    from radioml.report.page.run_content import read_run
    from radioml.report.page.run_page import run_page

    path = out or run / REPORT
    write_page(run_page(read_run(run), _published()), path)
    results.print(f"written to {escape(str(path))}", soft_wrap=True)


def _published() -> list[Point]:
    """The challenge's published entries; none where the training stage is not installed."""
    try:
        from training.challenge.compare import published_points
    except ModuleNotFoundError:
        return []
    return published_points()
