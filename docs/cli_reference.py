"""Put the options of every command into the page of commands, when MkDocs builds the site.

The text is typer's, of the same help that `radioml COMMAND --help` shows.
"""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.cli import get_docs_for_click

from radioml.cli import command_line

PAGE = "cli.md"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """MkDocs' hook: the page of commands gets its second half, other pages stay as they are."""
    return f"{markdown}\n\n{reference()}" if page.file.src_uri == PAGE else markdown


def reference() -> str:
    """The help of every command as Markdown, a section a command."""
    command = command_line()
    text = get_docs_for_click(obj=command, ctx=typer.Context(command, info_name="radioml"), name="radioml")
    commands = text[text.index("\n## ") :]
    return re.sub(r"^(#+ )`(.*)`$", r"\1\2", commands, flags=re.M)
