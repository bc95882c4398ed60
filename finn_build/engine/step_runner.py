"""Running the build's steps: a line and a time for each, FINN's chatter in a log, one kind of error."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.status import Status

from finn_build.engine.finn_session import finn_session
from radioml.errors import MismatchError, RadioMLError

Result = TypeVar("Result")


class StepRunner:
    """Runs named steps one after the other and remembers how long each took (`seconds`)."""

    def __init__(self, console: Console, work: Path, log: Path) -> None:
        self.console, self.work, self.log = console, work, log
        self.seconds: dict[str, float] = {}
        self._step = ""
        self._status: Status | None = None

    def counter(self, what: str, total: int) -> Callable[[int], None]:
        """A function that shows, beside the running step's name, how many of `total` are done."""

        def show(done: int) -> None:
            if self._status:
                self._status.update(f"{self._step}: {done} of {total} {what}")

        return show

    def kept(self, name: str) -> None:
        """Say that a step's result is there already."""
        self.console.print(f"  {name:<36}      kept", highlight=False)

    def run(self, name: str, function: Callable[[], Result], finn: bool = False) -> Result:
        """Run one step, inside a FINN session if it needs FINN.

        Temporary files, its own and those of tools that it calls, lie in `work` and are gone afterwards.

        Raises RadioMLError with the step's name and the log file for whatever goes wrong in it.
        """
        start = time.perf_counter()
        self._step = name
        try:
            session = finn_session(self.work, self.log) if finn else nullcontext()
            with self.console.status(name) as self._status, _temporary_files_in(self.work / "tmp"), session:
                result = function()
        except (RadioMLError, MismatchError):
            raise
        except Exception as error:
            with self.log.open("a", encoding="utf-8") as stream:
                stream.write(f"\nstep {name!r} failed\n{traceback.format_exc()}")
            raise RadioMLError(f"step {name!r} failed: {error or type(error).__name__} (log: {self.log})") from error
        self.seconds[name] = round(time.perf_counter() - start, 2)
        self.console.print(f"  {name:<36} {self.seconds[name]:7.1f} s", highlight=False)
        return result


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Neither a step nor one that was killed shall leave files elsewhere."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    variable, default = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = default
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable
        shutil.rmtree(folder, ignore_errors=True)
