"""What pydantic finds wrong with a file of settings, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

_MOST_CHARACTERS = 80
"""Of a wrong value that a message shows."""


def problems(error: ValidationError) -> list[str]:
    """A line for each wrong value: its key, what is wrong, and what was found."""
    lines = []
    for problem in error.errors():
        key = ".".join(map(str, problem["loc"]))
        message = problem["msg"].removeprefix("Value error, ")
        if not key:  # of the whole file: the message names the key
            lines.append(message)
            continue
        found = repr(problem["input"])
        shown = problem["type"] != "missing" and len(found) <= _MOST_CHARACTERS
        lines.append(f"{key}: {message}" + (f" (found {found})" if shown else ""))
    return lines
