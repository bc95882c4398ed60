"""Where the words of a command go: tables for people, JSON for programs, progress for whoever watches.

Commands print tables to `results` and everything else to `notes`. With --json the standard output belongs to the JSON
alone, so the tables go to the error stream. With --quiet only errors are left.
"""

from __future__ import annotations

import json as encoder
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from radioml.files import write_json

results = Console(highlight=False)
"""Tables and figures, on the standard output."""
notes = Console(stderr=True, highlight=False)
"""Progress and remarks, on the error stream."""
STANDARD_OUTPUT = "-"
JSON, QUIET = "--json", ("--quiet", "-q")
_ENDS_OPTIONS = "--"


def _json_wanted(target: str | None) -> str | None:
    if target == STANDARD_OUTPUT:
        results.stderr = True
    return target


JsonOption = Annotated[
    str | None,
    typer.Option(
        JSON,
        metavar="[FILE.json]",
        callback=_json_wanted,
        help="Write the figures as JSON to the standard output, which then holds nothing else, or to FILE.json.",
        show_default=False,
    ),
]


def set_quiet(quiet: bool) -> None:
    """Leave out tables, remarks and progress, so that errors alone are printed."""
    results.quiet = notes.quiet = quiet


def start() -> None:
    """Reset both consoles for a new command; their width is COLUMNS, where it is set."""
    results.stderr = False
    set_quiet(False)
    if (columns := os.environ.get("COLUMNS", "")).isdigit():
        results.width = notes.width = int(columns)


def arguments(given: list[str]) -> list[str]:
    """The arguments of a command line as the parser takes them.

    `--json` gets its target, which is the next argument where that ends with .json, else the standard output. `--quiet`
    is an option of all commands and may stand anywhere: it moves to the front.
    """
    end = given.index(_ENDS_OPTIONS) if _ENDS_OPTIONS in given else len(given)
    front: list[str] = []
    rest: list[str] = []
    words = iter(range(end))
    for position in words:
        word = given[position]
        if word in QUIET:
            front.append(word)
        elif word == JSON:
            named = position + 1 < end and given[position + 1].endswith(".json")
            rest.append(f"{JSON}={given[next(words)] if named else STANDARD_OUTPUT}")
        else:
            rest.append(word)
    return front + rest + given[end:]


def give(figures: Any, target: str | None) -> None:
    """Write the figures of a command to the target of its --json; None: nowhere.

    Raises OSError for a file that cannot be written.
    """
    if target == STANDARD_OUTPUT:
        sys.stdout.write(encoder.dumps(figures, indent=2, allow_nan=False) + "\n")
    elif target is not None:
        write_json(Path(target), figures)
