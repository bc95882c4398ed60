"""Ctrl-C at a chosen place or moment, by events instead of clocks, which a busy machine would delay."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from threading import Event, Timer
from typing import Any

from deploy.backends.pynq import Shell
from deploy.simulated.fabric import Fabric


def first(owner: Any, name: str, action: Callable[[], object]) -> None:
    """Let the next call of a method do `action` before anything else."""
    method = getattr(owner, name)

    def once(*arguments: Any, **named: Any) -> Any:
        setattr(owner, name, method)
        action()
        return method(*arguments, **named)

    setattr(owner, name, once)


def ctrl_c() -> None:
    """Send SIGINT to this thread, which handles it before the call returns."""
    signal.raise_signal(signal.SIGINT)


def held(fabric: Fabric) -> Event:
    """Let the frames of the fabric's next transfer wait for the returned event."""
    go = Event()
    first(fabric._simulator, "run", lambda: go.wait(60))
    return go


def answers_of_idle(shell: Shell, then: dict[int, Callable[[], object]]) -> list[bool]:
    """The answers of `shell.idle` in their order; then: number of an answer, from 1 -> action after this answer."""
    idle, answers = shell.idle, []

    def watched() -> bool:
        answers.append(idle())
        then.get(len(answers), lambda: None)()
        return answers[-1]

    shell.idle = watched
    return answers


def interrupted_after(seconds: float, call: Callable[..., object], *arguments: object) -> None:
    """Make a call, to which a Ctrl-C comes this long after its beginning; returns when both are over.

    Wherever the KeyboardInterrupt is raised from here on, it is caught here; the call may have ended by then. Python
    ignores one that is raised in `PynqBuffer.__del__`, and tells its hook.
    """
    ignored: list[BaseException | None] = []
    hook, sys.unraisablehook = sys.unraisablehook, lambda raised: ignored.append(raised.exc_value)
    timer = Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        call(*arguments)
        timer.join()
        if not ignored:
            time.sleep(60)  # ended by a signal that has not been handled yet
    except KeyboardInterrupt:
        return
    finally:
        sys.unraisablehook = hook
    if not any(isinstance(error, KeyboardInterrupt) for error in ignored):
        raise AssertionError("no KeyboardInterrupt came")
