"""The `radioml` command. Each command imports its stage only when it is called."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

import radioml
from radioml.cli import interrupts
from radioml.errors import MismatchError, RadioMLError
from radioml.processes import wait_without_spinning

TRACEBACK_VARIABLE = "RADIOML_TRACEBACK"
"""Environment variable that is not empty where every error message comes with its traceback."""
_OF_THE_MACHINE = (
    errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM,
)  # fmt: skip
"""Numbers of an OSError without a file name that a user can mend: a broken disk; no space, memory, processes or open
files left."""


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """Run a command; one that Ctrl-C ends without a word of its own gets one, and exit code 130."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            _say("interrupted", error, 130, "nothing half-done was left; the same command continues or starts anew")


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
    """Entry point.

    A MismatchError becomes one message and exit code 1. A RadioMLError, a file that cannot be read or written, a full
    disk or memory, and a stage that is not installed (a board has the driver alone) become one message and exit code 2.
    Any other exception is an error of this program and keeps its traceback.
    """
    wait_without_spinning()  # before a command imports torch
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
        report,
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
    except RadioMLError as error:
        _say("error", error, 2)
    except OSError as error:
        if error.filename is None and error.errno not in _OF_THE_MACHINE:
            raise
        _say("error", error, 2)
    except MemoryError as error:
        _say("error", error, 2, f"not enough memory: {error}")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in STAGES:
            raise
        _say("error", error, 2, f"`{error.name}` is not installed here; this command is for the workstation")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"radioml-fpga {radioml.__version__}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version and end.")
    ] = False,
    with_traceback: Annotated[
        bool,
        typer.Option(
            "--traceback",
            help=f"Show where in the program an error came up, too, e.g. for a report. {TRACEBACK_VARIABLE}=1 does "
            "the same.",
        ),
    ] = False,
) -> None:
    """Options of every command."""
    if with_traceback:
        os.environ[TRACEBACK_VARIABLE] = "1"


def _say(kind: str, error: BaseException, code: int, message: str | None = None) -> NoReturn:
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(error)
    text = escape(str(error) if message is None else message)
    Console(stderr=True).print(f"[bold red]{kind}:[/] {text}", highlight=False, soft_wrap=True)
    sys.exit(code)
