"""The progress bar of commands that work through frames."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
)

from radioml.cli.console.terminal import notes
from radioml.progress import WorkProgress


def frames_progress() -> WorkProgress:
    """A progress bar that counts frames, on the error stream: results alone go to the standard output."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("frames"))
    return WorkProgress(*columns, TimeRemainingColumn(), console=notes)


def identified(data: Path) -> None:
    """Show progress while the digest of a file that may be the published one is computed once, for a minute."""
    from radioml.data.provenance import origin, takes_long

    if takes_long(data):
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with WorkProgress(*columns, console=notes) as bar:
            task = bar.add_task("reading", total=None)
            origin(
                data, lambda what, done, total: bar.update(task, description=escape(what), completed=done, total=total)
            )
