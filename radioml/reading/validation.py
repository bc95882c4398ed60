"""Pydantic's errors about a file of settings, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from radioml.suggest import did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_MOST_CHARACTERS = 80
"""Most characters of a wrong value in a message."""


def problems(error: ValidationError, model: type[BaseModel] | None = None) -> list[str]:
    """A line for each wrong value, of a `model` where there is one: its key, what is wrong, and what was found."""
    lines = []
    for problem in error.errors():
        key = ".".join(map(str, problem["loc"]))
        message = problem["msg"].removeprefix("Value error, ")
        if not key:  # of the whole file: the message names the key
            lines.append(message)
            continue
        if problem["type"] == "extra_forbidden" and model and (known := _keys(model, problem["loc"][:-1])):
            message = f"an unknown key{did_you_mean(str(problem['loc'][-1]), known)} There are {', '.join(known)}"
        found = repr(problem["input"])
        shown = problem["type"] != "missing" and len(found) <= _MOST_CHARACTERS
        lines.append(f"{key}: {message}" + (f" (found {found})" if shown else ""))
    return lines


def _keys(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The keys of a section of a model; none where the section is no model itself."""
    from pydantic import BaseModel

    section: object = model
    for key in place:
        field = (
            section.model_fields.get(str(key)) if isinstance(section, type) and issubclass(section, BaseModel) else None
        )
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()
        section = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return list(section.model_fields) if isinstance(section, type) and issubclass(section, BaseModel) else []
