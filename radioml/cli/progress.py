"""The progress bar of commands that work through frames."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def frames_progress() -> Progress:
    """A progress bar that counts frames, on the error stream: results alone go to the standard output."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("frames"))
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
