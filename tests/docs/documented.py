"""The commands that the documents show: lines of their code blocks, and code in their sentences."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import typer
import yaml
from markdown_it import MarkdownIt

from radioml.cli import command_line
from tests.repository import REPOSITORY


def _pages(entries: list[Any]) -> list[str]:
    """The pages of MkDocs' navigation, in the order in which they are read."""
    values = [value for entry in entries for value in entry.values()]
    return [page for value in values for page in ([value] if isinstance(value, str) else _pages(value))]


_NAVIGATION = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", *(f"docs/{page}" for page in _pages(_NAVIGATION))]
_BEFORE = re.compile(r"(?:\w+=\S*|do|then|\.?[\w./-]*python3?|-m)$")
"""Words that may stand before `radioml` in a line: variables, a loop's, an interpreter."""
_IN_ITS_PLACE = ("deploy.simulated.board", "deploy.simulated.xrt")
"""Modules with the command line of `radioml` on a simulated device."""
_COMMAND_LINE = command_line()
_ENDS = {";", "&", "&&", "|", "||"}


@dataclass(frozen=True)
class Command:
    """A command in a document. words: after `radioml`. text: as it is written."""

    words: tuple[str, ...]
    text: str
    document: str


def in_blocks(text: str, document: str) -> Iterator[Command]:
    """Commands in the indented and fenced blocks of a Markdown text, a command a line of the shell."""
    for token in MarkdownIt().parse(text):
        if token.type == "code_block" or (token.type == "fence" and token.info in ("", "sh", "bash")):
            for line in token.content.replace("\\\n", " ").splitlines():
                for words in _commands(line):
                    yield Command(words, " ".join(line.split()), document)


def in_sentences(text: str, document: str) -> Iterator[Command]:
    """Commands in the code of sentences and tables, which may lack arguments."""
    for token in MarkdownIt().enable("table").parse(text):
        for child in token.children or []:
            if child.type == "code_inline" and re.match(r"radioml [a-z]", child.content):
                yield Command(tuple(child.content.split()[1:]), child.content, document)


def parse(words: tuple[str, ...]) -> None:
    """Parse a whole command, as `radioml` does, without running it. Raises the parser's error."""
    command: Any = _COMMAND_LINE
    context = command.make_context("radioml", list(words))
    while isinstance(command, typer.core.TyperGroup):
        _, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(command.name, rest, parent=context)


def unknown_names(words: tuple[str, ...]) -> list[str]:
    """Words that should name a command or an option, and name none."""
    command: Any = _COMMAND_LINE
    known = {option for parameter in command.params for option in parameter.opts}
    for word in words:
        if isinstance(command, typer.core.TyperGroup) and not word.startswith("-"):
            if word.isupper():  # COMMAND, in the place of any
                return []
            if word not in command.commands:
                return [word]
            command = command.commands[word]
            known |= {option for p in command.params for option in (*p.opts, *p.secondary_opts)} | {"--help", "--quiet"}
        elif word.startswith("--") and word.split("=")[0].rstrip(",;") not in known:
            return [word]
    return []


def _commands(line: str) -> Iterator[tuple[str, ...]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # a quotation that ends in another line: no command of ours
        return
    while words:
        end = next((place for place, word in enumerate(words) if word in _ENDS), len(words))
        first, words = words[:end], words[end + 1 :]
        if "--" in first and first[0] == "torchrun":
            first = first[first.index("--") + 1 :]
        while first and _BEFORE.match(first[0]):
            first = first[1:]
        if first and (first[0] == "radioml" or first[0].endswith("/radioml") or first[0] in _IN_ITS_PLACE):
            yield tuple(first[1 : first.index(">") if ">" in first else None])


def everywhere(found: Callable[[str, str], Iterator[Command]]) -> list[Command]:
    """What `in_blocks` or `in_sentences` finds in all documents."""
    texts = {name: (REPOSITORY / name).read_text(encoding="utf-8") for name in DOCUMENTS}
    return [command for name, text in texts.items() for command in found(text, name)]
