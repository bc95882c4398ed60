"""`radioml init`: files to begin an experiment with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from radioml.cli import app
from radioml.cli.console.terminal import results


@app.command(epilog="Example: radioml init mine --topology; radioml train mine.yaml --data data/synthetic.hdf5")
def init(
    name: Annotated[str, typer.Argument(help="Name of the experiment, its files and its run directory.")],
    topology: Annotated[
        bool,
        typer.Option("--topology", help="Write NAME.py with a network of your own as well; the experiment names it."),
    ] = False,
) -> None:
    """Write an experiment to begin with, NAME.yaml, into the working directory.

    Its comments say what can be set. With --topology there is NAME.py beside it, a small network in Brevitas that can
    be trained, exported, scored and built as it is; docs/bring_your_own_network.md says what it has to keep to.
    """
    from training.templates import write_templates

    for path in write_templates(name, Path(), topology):
        results.print(f"written: {escape(str(path))}", soft_wrap=True)
    results.print(f"next: radioml train {escape(name)}.yaml --data FILE", soft_wrap=True)
