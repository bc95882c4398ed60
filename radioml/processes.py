"""Processes that compute side by side: how many, and how they end."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Control group v2: "QUOTA PERIOD" in microseconds of processor time, or "max PERIOD"
(https://docs.kernel.org/admin-guide/cgroup-v2.html)."""

_SPINNING = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}
"""Environment variables that say how long OpenMP's threads spin: the standard's, GNU's and Intel's."""


MOST_PROCESSES = 1024
"""Most processes that a user may ask for; each has an interpreter of its own, some 40 MB."""
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def wait_without_spinning() -> None:
    """Let OpenMP's threads sleep while they wait, here and in the processes that this one starts from now on.

    By default a thread that waits for the others spins. Beside another busy process two threads of torch then train
    some 20 times slower than one. Takes effect before torch is imported; a setting of the user's own is kept. See
    OMP_WAIT_POLICY in the OpenMP specification and GOMP_SPINCOUNT in libgomp's manual.
    """
    if not _SPINNING & os.environ.keys():
        os.environ["OMP_WAIT_POLICY"] = "passive"


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
    """A pool of fresh interpreters that end with this process, even where it is killed.

    Only this process handles the signals that end a command: Ctrl-C, which reaches all processes of a terminal, and
    SIGTERM and SIGHUP, which reach all of a service. The pool spawns and does not fork, because a library's threads and
    memory (torch, HDF5, a simulator) must not be shared.
    """

    def __init__(
        self, processes: int, initializer: Callable[..., None] | None = None, arguments: tuple[Any, ...] = ()
    ) -> None:
        wait_without_spinning()
        super().__init__(processes, get_context("spawn"), _begin, (initializer, arguments))

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """As the base class's; a process that this starts has these signals blocked from its beginning, also in
        imports."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            return super().submit(function, *arguments, **named)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(initializer: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    """Begin the work of a process of a pool."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    if initializer is not None:
        initializer(*arguments)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()  # waits for a pipe that closes when the parent ends
    os._exit(1)


def end_with_starter() -> None:
    """Have Linux kill this process when the thread that started it ends, for one that another program has started.

    See PR_SET_PDEATHSIG in prctl(2). No effect on other systems.
    """
    starter = os.getppid()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != starter:  # it ended in between
        os._exit(1)


_SUPERVISOR = """
exec 3<&0 0</dev/null
"$@" 3<&- &
job=$!
{ read -r _ <&3; kill -9 0; } &
watch=$!
wait $job
code=$?
kill -9 $watch
exit $code
"""
"""Shell script that runs a command. Once the other end of its input is closed it kills all that it has started."""


def run_attached(command: list[str], **options: Any) -> int:
    """Run a command as `subprocess.run` does; it and all that it has started end with this process, even a killed one.

    Its standard input is empty. options: of `subprocess.Popen`. Returns the exit code.
    """
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _SUPERVISOR, "sh", *command], stdin=reading, start_new_session=True, **options
        )
        os.close(reading)
        try:
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    finally:
        os.close(writing)
