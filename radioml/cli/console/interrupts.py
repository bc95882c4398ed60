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
    """Handle the signals that are not ignored; a job in the background ignores Ctrl-C, nohup ignores SIGHUP."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        terminals = [handle for handle in _OUTPUTS if os.isatty(handle)]

        def hang_up(number: int, frame: FrameType | None) -> None:
            """Send output to /dev/null: the terminal is gone, and a failed write would end the remaining work."""
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
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_AFTER)  # then try again
            return
        frame = frame.f_back
    raise KeyboardInterrupt
