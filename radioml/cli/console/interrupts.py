"""How a command is ended from outside: Ctrl-C, SIGTERM (`kill`, docker stop, systemd) and a lost terminal (SIGHUP).

All three raise KeyboardInterrupt, so that what a command has so far is kept.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

_AGAIN_AFTER = 0.05  # seconds
_OUTPUTS = (1, 2)


def install() -> None:
    """Take the signals, but those that are ignored: Ctrl-C of a job in the background, SIGHUP under nohup."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        terminals = [handle for handle in _OUTPUTS if os.isatty(handle)]

        def hang_up(number: int, frame: FrameType | None) -> None:
            """The terminal is gone: what is written to it would fail, and with it what is still to be done."""
            for handle in terminals:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, handle)
                os.close(nowhere)
            _interrupt(number, frame)

        signal.signal(signal.SIGHUP, hang_up)
    signal.signal(signal.SIGALRM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, but not during an import: some swallow it, others leave half a module behind."""
    while frame:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_AFTER)  # then again, to whoever takes it by then
            return
        frame = frame.f_back
    raise KeyboardInterrupt
