"""Postpone Ctrl-C, SIGTERM and SIGHUP while an action on the hardware must be completed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
"""Signals that `radioml.cli.console.interrupts` turns into a KeyboardInterrupt."""


class _Held:
    """A handler that notes a signal while it holds signals, and afterwards passes signals to the previous handler."""

    def __init__(self, number: int) -> None:
        self.number, self.before = number, signal.getsignal(number)
        self.holds, self.came = True, False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.holds:
            self.came = True
        elif callable(self.before):
            self.before(number, frame)


@contextmanager
def interrupted_afterwards() -> Iterator[None]:
    """Hold back the signals that end a command until the end of the block.

    Only the main thread gets signals from Python. Signals without a Python handler are not held back.
    """
    if current_thread() is not main_thread():
        yield
        return
    held = [_Held(number) for number in _ENDING if callable(signal.getsignal(number))]
    try:
        for one in held:
            signal.signal(one.number, one)
        yield
    finally:
        for one in held:  # before the rest: the first handler that is restored may raise KeyboardInterrupt at once
            one.holds = False
        for one in held:
            signal.signal(one.number, one.before)
        for one in held:
            if one.came:
                signal.raise_signal(one.number)
