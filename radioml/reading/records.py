"""Plain values, as JSON and YAML give them, to dataclasses and back: every field is there and of its type.

A field whose name would be a word of Python ends with an underscore, `class_`, and is "class" in the file.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from radioml.errors import RadioMLError
from radioml.reading.text import read_json

T = TypeVar("T")
_MOST_CHARACTERS = 80
"""Most characters of a wrong value in a message."""


def read_record(path: Path | str, kind: type[T], *, others: bool = False) -> T:
    """A dataclass from a JSON file; see `record`. Raises RadioMLError that names the file and the field."""
    try:
        return record(read_json(path), kind, others=others)
    except ValueError as error:
        raise RadioMLError(f"{path}: {error}") from error


def record(value: Any, kind: type[T], where: str = "", *, others: bool = False) -> T:
    """An object of the dataclass `kind` from a mapping of its fields.

    Fields may be str, bool, int, float (finite; also from whole numbers), Any, Literal, another dataclass, tuples,
    lists and dictionaries of these, and any of them `| None`. Sequences become tuples where the field is one.

    Args:
        where: what a message calls the value, e.g. "input".
        others: leave fields aside that the dataclass does not have; they are an error otherwise.

    Raises ValueError that names the first field that is missing, unknown or wrong, and what the dataclass itself
    raises.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{where or 'the value'} is {shown(value)}; expected {', '.join(_names(kind))}")
    before = f"{where}." if where else ""
    if not others and (unknown := [key for key in value if key not in _names(kind)]):
        raise ValueError(f"{before}{unknown[0]} is unknown; there are {', '.join(_names(kind))}")
    hints, given = _hints(kind), {}  # type: ignore[arg-type]
    for field in fields(kind):  # type: ignore[arg-type]
        key = _key(field.name)
        if key in value:
            given[field.name] = _typed(value[key], hints[field.name], f"{before}{key}", others)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{before}{key} is missing")
    try:
        return kind(**given)
    except ValueError as error:
        raise ValueError(f"{where}: {error}" if where else str(error)) from error


def values(one: Any) -> dict[str, Any]:
    """The mapping that `record` makes the dataclass object `one` of, for JSON.

    A field that is None and may be missing is left out.
    """
    found = {field: getattr(one, field.name) for field in fields(one)}
    return {
        _key(field.name): _plain(value)
        for field, value in found.items()
        if value is not None or field.default is not None
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return values(value)
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def _typed(value: Any, hint: Any, where: str, others: bool) -> Any:
    """The value as its type hint says; raises ValueError where it is of another type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):  # X | None alone
        if value is None:
            return None
        (hint,) = (argument for argument in arguments if argument is not type(None))
        return _typed(value, hint, where, others)
    if isinstance(hint, type) and is_dataclass(hint):
        return record(value, hint, where, others=others)
    if origin in (tuple, list) and isinstance(value, (tuple, list)):
        whole = origin is list or arguments[-1] is Ellipsis
        kinds = arguments[:1] * len(value) if whole else arguments
        if len(kinds) == len(value):
            members = zip(range(len(value)), value, kinds, strict=True)
            return origin(_typed(one, kind, f"{where}[{at}]", others) for at, one, kind in members)
    if origin is dict and isinstance(value, dict):
        return {
            _typed(key, arguments[0], f"a key of {where}", others): _typed(one, arguments[1], f"{where}.{key}", others)
            for key, one in value.items()
        }
    if _is(value, hint):
        return value
    raise ValueError(f"{where} cannot be {shown(value)}")


def _is(value: Any, hint: Any) -> bool:
    if hint is float:
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    if get_origin(hint) is Literal:
        return any(value == one and type(value) is type(one) for one in get_args(hint))
    return hint is Any or type(value) is hint


@cache
def _hints(kind: type) -> dict[str, Any]:
    """The type of each field."""
    return get_type_hints(kind)


def _names(kind: type) -> list[str]:
    return [_key(field.name) for field in fields(kind)]


def _key(name: str) -> str:
    """The key of a field in a file."""
    return name.removesuffix("_")


def shown(value: Any) -> str:
    """A value in a message, at a bounded length."""
    text = repr(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} ..."
