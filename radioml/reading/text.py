"""Text, JSON and YAML."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from radioml.errors import RadioMLError

MOST_BYTES = 1 << 26
"""Most bytes of a text file; the largest that this project writes, the results of a search, have a few megabytes."""
_MOST_CHARACTERS = 300
"""Most characters of a library's message; YAML's repeats the text it read."""


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Turn the operating system's error for a file that cannot be read into RadioMLError."""
    try:
        yield
    except FileNotFoundError as error:
        raise RadioMLError(f"{path}: no such file") from error
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise RadioMLError(f"{path}: cannot be read: {reason}") from error


def brief(error: BaseException) -> str:
    """A library's message in one line of bounded length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} ..."


def read_text(path: Path | str) -> str:
    """A file of UTF-8 text; raises RadioMLError for one that is missing, of another encoding or beyond `MOST_BYTES`."""
    with reading(path), Path(path).open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise RadioMLError(f"{path}: more than {MOST_BYTES:,} bytes, too many for a text file")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise RadioMLError(f"{path}: not UTF-8 text: {brief(error)}") from error


def read_json(path: Path | str) -> Any:
    """The value of a JSON file; raises RadioMLError naming the file when it is missing or not JSON."""
    return parse_json(read_text(path), path)


def parse_json(text: str | bytes, source: Path | str) -> Any:
    """The value of a JSON text; source: what the RadioMLError names where the text is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RadioMLError(f"{source}: not valid JSON: {brief(error)}") from error


def read_yaml(path: Path | str) -> Any:
    """The value of a YAML file, see `parse_yaml`; raises RadioMLError when it is missing or not YAML."""
    return parse_yaml(read_text(path), path)


def parse_yaml(text: str, source: Path | str) -> Any:
    """The plain value (dictionaries, lists, texts, numbers) of a YAML text.

    source: what the RadioMLError names where the text is not YAML. Aliases are refused: a few lines of them stand for
    more values than any memory holds.
    """
    try:
        return yaml.load(text, _PlainLoader)  # a SafeLoader
    # PyYAML's constructors let their own errors through, for `!!int x` or `!!timestamp x` for example.
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise RadioMLError(f"{source}: not valid YAML: {brief(error)}") from error


class _PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader), yaml.composer.Composer):  # type: ignore[misc]
    """YAML without aliases. libyaml parses, where PyYAML has it, in a fifth of the time."""

    get_single_node = yaml.composer.Composer.get_single_node  # libyaml's composer takes aliases

    def __init__(self, text: str) -> None:
        super().__init__(text)  # type: ignore[call-arg]
        yaml.composer.Composer.__init__(self)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None, None, f"the alias *{event.anchor}: write out what it stands for", event.start_mark
            )
        return super().compose_node(parent, index)
