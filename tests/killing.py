"""What tests of killed commands share: finding the processes of a command, and waiting for an event."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

_PATIENCE = 600  # seconds; only a failure takes so long, also on a machine with twenty other processes


def new_mark() -> str:
    """A text for the environment of a command, by which all that it starts is found."""
    return f"RADIOML_TEST_MARK_{os.getpid()}_{time.time_ns()}"


def processes_of(mark: str) -> list[int]:
    """Processes with a text in their command line or environment, without zombies."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            known = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            continue
        if mark.encode() in known and state != "Z":
            found.append(int(folder.name))
    return found


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
