"""What a step of a build is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of a build, which reads files and makes files.

    id: its name in the cache, in build.yaml and in file names.
    title: what the user is shown.
    in_finn: whether the step runs in a FINN session.
    depends_on_board: whether its result depends on the board; otherwise a build for another board uses it, too.
    """

    id: str
    title: str
    in_finn: bool = False
    depends_on_board: bool = False
