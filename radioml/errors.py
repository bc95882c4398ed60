"""The exceptions that end a command with a message instead of a traceback."""

from __future__ import annotations


class RadioMLError(Exception):
    """A problem with what the user gave: the message says what is wrong, where, and what to do.

    The command line prints the message without a traceback and exits with 2.
    """


class MismatchError(Exception):
    """An accelerator gives other integers than the trained network: not for the user to mend, never to be ignored.

    The command line prints the message and exits with 1.
    """
