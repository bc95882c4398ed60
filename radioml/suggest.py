"""What a mistyped name may have been meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: "; did you mean 'ZCU104'?", or "." where no known one is close.

    Names that differ in upper and lower case or in hyphens, underscores and spaces alone are the closest.
    """
    names = {_plain(candidate): candidate for candidate in known}
    close = get_close_matches(_plain(name), names, n=1, cutoff=0.6)
    return f"; did you mean {names[close[0]]!r}?" if close else "."


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter not in "-_ ")
