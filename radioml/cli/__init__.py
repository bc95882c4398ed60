"""The `radioml` command. Each command imports its stage only when it is called."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from radioml.cli import interrupts
from radioml.errors import MismatchError, RadioMLError


class _Commands(TyperGroup):
    def invoke(self, context: typer.Context) -> Any:
        """Run a command; one that Ctrl-C ends without a word of its own gets one, and exit code 130."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            _say("interrupted", "nothing half-done was left; the same command continues or starts anew", 130)


app = typer.Typer(
    name="radioml",
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Radio modulation recognition on FPGAs: data, training, score, accelerator, driver.",
)

STAGES = ("training", "finn_build", "deploy")


def main() -> None:
    """Entry point. A MismatchError becomes one message and exit code 1; a RadioMLError, a file that cannot be read or
    written, or a stage that is not installed (a board has the driver alone), one message and exit code 2.
    """
    interrupts.install()
    from radioml.cli import (  # noqa: F401  (each registers)
        bench,
        boards,
        build,
        classify,
        data,
        doctor,
        estimate,
        evaluation,
        importing,
        init,
        models,
        search,
        stream,
        submission,
        summary,
        training,
        verify,
    )

    try:
        app()
    except MismatchError as error:
        _say("mismatch", error, 1)
    except (RadioMLError, OSError) as error:
        _say("error", error, 2)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in STAGES:
            raise
        _say("error", RadioMLError(f"`{error.name}` is not installed here; this command is for the workstation"), 2)


def _say(kind: str, error: Exception | str, code: int) -> NoReturn:
    Console(stderr=True).print(f"[bold red]{kind}:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
    sys.exit(code)
