"""Processes that compute side by side: how many, and how they end."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

Job, Result = TypeVar("Job"), TypeVar("Result")

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Control group v2: "QUOTA PERIOD" in microseconds of processor time, or "max PERIOD"
(https://docs.kernel.org/admin-guide/cgroup-v2.html)."""


def cores(quota_file: Path = _QUOTA) -> int:
    """Cores that this process may use: by its affinity (taskset, Slurm) and by its container's quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text(encoding="ascii").split()
    except (OSError, ValueError):  # another system, or control groups v1
        return allowed
    return allowed if quota == "max" else max(1, min(allowed, int(quota) // int(period)))


def computed(function: Callable[[Job], Result], jobs: Iterable[Job], processes: int) -> Generator[Result, None, None]:
    """The results of all jobs in their order, computed by `processes` processes, or in this one where it is one.

    Results wait in memory for a slower caller, so a job starts only when fewer than four a process are waiting.
    """
    if processes == 1:  # no process is started, so a script without `if __name__ == "__main__"` runs
        yield from map(function, jobs)
        return
    waiting = iter(jobs)
    with ProcessPool(processes) as pool:
        ahead = deque(pool.submit(function, job) for job in islice(waiting, 4 * processes))
        while ahead:
            result = ahead.popleft().result()
            ahead.extend(pool.submit(function, job) for job in islice(waiting, 1))
            yield result


class ProcessPool(ProcessPoolExecutor):
    """A pool of fresh interpreters. Ctrl-C, which reaches all processes of a terminal, is the first one's alone.

    Not of forks: what a library keeps in threads and memory (torch, HDF5, a simulator) must not be shared.
    """

    def __init__(self, processes: int, initializer: Callable[..., None] | None = None, arguments: tuple = ()) -> None:
        super().__init__(processes, get_context("spawn"), initializer, arguments)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future:
        """As its base; a process that this starts is born with Ctrl-C blocked, while it still imports, too."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(function, *arguments, **named)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
