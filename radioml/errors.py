"""The exceptions that end a command with a message instead of a traceback."""

from __future__ import annotations


class RadioMLError(Exception):
    """A problem with what the user gave: the message says what is wrong, where, and what to do.

    The command line prints the message without a traceback and exits with 2.
    """


class MissingToolError(RadioMLError):
    """A program or package that a command needs is not there: the message says which, and how to get it.

    The command line prints the message and exits with 3.
    """


class MismatchError(Exception):
    """An accelerator gives other integers than the trained network: not for the user to mend, never to be ignored.

    The command line prints the message and exits with 1.
    """


INTERRUPTED = "interrupted"
"""What `problem` says of a run that the user ended."""


def problem(error: KeyboardInterrupt | RadioMLError) -> str:
    """Why a run that keeps what it has so far ended early."""
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else str(error)
