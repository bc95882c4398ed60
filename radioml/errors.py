"""The one exception that means "the user can mend this"."""

from __future__ import annotations


class RadioMLError(Exception):
    """A problem with what the user gave: the message says what is wrong, where, and what to do.

    The command line prints the message without a traceback and exits with 2.
    """
