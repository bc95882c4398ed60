"""The `radioml` command. Each command imports its stage only when it is called."""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.markup import escape

from radioml.errors import RadioMLError

app = typer.Typer(
    name="radioml",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Radio modulation recognition on FPGAs: data, training, score, accelerator, driver.",
)


def main() -> None:
    """Entry point: run the command line; a RadioMLError, or a file that cannot be read or written, becomes one message
    and exit code 2.
    """
    from radioml.cli import build, data, deploy, summary, training  # noqa: F401  (each registers its commands on `app`)

    try:
        app()
    except (RadioMLError, OSError) as error:
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)
