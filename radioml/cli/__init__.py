"""The `radioml` command. Each command imports its stage only when it is called."""

from __future__ import annotations

import errno
import functools
import os
import pkgutil
import sys
import traceback
from importlib import import_module
from typing import Annotated, Any, NoReturn, cast

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

import radioml
from radioml.cli import commands
from radioml.cli.console import interrupts, terminal
from radioml.errors import MismatchError, MissingToolError, RadioMLError
from radioml.processes import wait_without_spinning

TRACEBACK_VARIABLE = "RADIOML_TRACEBACK"
"""Environment variable: if it is not empty, every error message comes with its traceback."""
_OF_THE_MACHINE = (
    errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM,
)  # fmt: skip
"""errno of an OSError without a file name that the user can mend: a broken disk, or no space, memory, processes or open
files left."""


SECTIONS = {
    "Data and training": ("init", "data", "models", "train", "search", "import", "evaluate"),
    "Score and submission": ("export", "score", "compare", "submission"),
    "Build and verify": ("boards", "estimate", "build", "simulate", "verify"),
    "Run": ("classify", "stream", "bench"),
    "Look": ("summary", "report", "doctor"),
}
"""Headings of the command list, in the order of the work, with their commands."""


class _Commands(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for section, names in SECTIONS.items():
            for name in names:
                if name in self.commands:
                    self.commands[name].rich_help_panel = section  # type: ignore[attr-defined]  # typer's own commands

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands in the order of the work."""
        return [name for names in SECTIONS.values() for name in names if name in self.commands]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take --quiet wherever it stands, and --json with or without a file."""
        terminal.start()
        return super().parse_args(ctx, terminal.arguments(args))

    def invoke(self, ctx: Any) -> Any:
        """Run a command. If Ctrl-C ends it without a message, print one; the exit code is 130."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            _say("interrupted", error, 130, "the same command continues or starts again; no unfinished file was left")


app = typer.Typer(
    name="radioml",
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Radio modulation recognition on FPGAs: data, training, score, accelerator, driver.\n\n"
    "Exit codes: 0 done; 1 a check failed; 2 wrong use or input; 3 a tool is missing; 130 interrupted.",
    epilog="Begin with `radioml doctor`; `radioml COMMAND --help` explains a command with an example.",
)

STAGES = ("training", "finn_build", "deploy")


@functools.cache
def command_line() -> TyperGroup:
    """The command `radioml` with all its commands, each of which registers where its file is imported."""
    for module in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}."):
        import_module(module.name)
    return cast(TyperGroup, typer.main.get_command(app))


def main() -> None:
    """Entry point.

    A MismatchError becomes one message and exit code 1. A RadioMLError, a file that cannot be read or written, and a
    full disk or memory become one message and exit code 2. A missing tool, and a stage that is not installed (a board
    has the driver alone), become one message and exit code 3. Any other exception is an error of this program and keeps
    its traceback.
    """
    wait_without_spinning()  # before a command imports torch
    interrupts.install()
    try:
        command_line()(prog_name=app.info.name)
    except MismatchError as error:
        _say("mismatch", error, 1)
    except MissingToolError as error:
        _say("missing", error, 3)
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
        _say("missing", error, 3, f"`{error.name}` is not installed here; this command is for the workstation")


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
            help=f"Print the traceback of an error, e.g. for a report. {TRACEBACK_VARIABLE}=1 does the same.",
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            *terminal.QUIET,
            callback=terminal.set_quiet,
            help="Print errors alone: no tables, remarks or progress. Also after the command.",
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
