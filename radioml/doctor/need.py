"""One thing that a stage needs, and the message where it is missing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from radioml.errors import MissingToolError


@dataclass(frozen=True)
class Need:
    """One thing a stage needs.

    found: version or place, None where it is missing; wrong: why the one that was found does not serve; get: how to get
    it.
    """

    name: str
    found: str | None
    get: str
    wrong: str = ""

    @property
    def present(self) -> bool:
        """Whether the thing is there and serves."""
        return self.found is not None and not self.wrong


def missing(needs: list[Need]) -> list[str]:
    """What is not met, a line for each way to get it: `names (what is wrong): way`."""
    lines: dict[str, list[str]] = {}
    for need in needs:
        if not need.present:
            lines.setdefault(need.get, []).append(f"{need.name} ({need.wrong or 'not found'})")
    return [f"{', '.join(names)}: {get}" for get, names in lines.items()]


def require(stage: str, needs: list[Need]) -> None:
    """Raise MissingToolError naming all that is missing for `stage`."""
    if lines := missing(needs):
        raise MissingToolError("\n  ".join([f"{stage} cannot start; nothing has been done. Missing:", *lines]))


def folder(name: str, environment: Mapping[str, str], get: str) -> Need:
    """A variable of the environment that names folders, os.pathsep between them."""
    value = environment.get(name)
    if value is not None and not all(Path(part).is_dir() for part in value.split(os.pathsep)):
        return Need(name, value, get, f"{value} is no folder")
    return Need(name, value, get, "" if value else "not set")
