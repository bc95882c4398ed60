"""Running a build's steps: a line and a time for each, FINN's output in a log, one kind of error."""

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
from finn_build.engine.step import Step
from radioml.errors import MismatchError, RadioMLError

Result = TypeVar("Result")


class StepRunner:
    """Runs steps one after the other.

    work: folder for temporary files and FINN's; log: gets what FINN prints.

    Attributes:
        seconds: id of each step that ran -> how long it took.
    """

    def __init__(self, console: Console, work: Path, log: Path) -> None:
        self.console, self.work, self.log = console, work, log
        self.seconds: dict[str, float] = {}
        self._title = ""
        self._status: Status | None = None

    def counter(self, what: str, total: int) -> Callable[[int], None]:
        """A function that shows, beside the running step's name, how many of `total` are done."""

        def show(done: int) -> None:
            if self._status:
                self._status.update(f"{self._title}: {done} of {total} {what}")

        return show

    def skip(self, step: Step) -> None:
        """Say that a step's result is in the cache."""
        self.console.print(f"  {step.title:<36}    cached", highlight=False)

    def run(self, step: Step, function: Callable[[], Result]) -> Result:
        """Run one step, in a FINN session if it needs FINN.

        Temporary files of the step and of the tools that it calls lie in `work` and are removed afterwards.

        Raises RadioMLError with the step's title and the log file for whatever goes wrong in it; RadioMLError and
        MismatchError of the step itself pass through.
        """
        start = time.perf_counter()
        self._title = step.title
        try:
            session = finn_session(self.work, self.log) if step.in_finn else nullcontext()
            with self.console.status(step.title) as self._status, _temporary_files_in(self.work / "tmp"), session:
                result = function()
        except (RadioMLError, MismatchError):
            raise
        except Exception as error:
            with self.log.open("a", encoding="utf-8") as stream:
                stream.write(f"\nstep {step.title!r} failed\n{traceback.format_exc()}")
            reason = str(error) or type(error).__name__
            raise RadioMLError(f"step {step.title!r} failed: {reason} (log: {self.log})") from error
        self.seconds[step.id] = round(time.perf_counter() - start, 2)
        self.console.print(f"  {step.title:<36} {self.seconds[step.id]:7.1f} s", highlight=False)
        return result


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Let tools and Python put temporary files into an empty folder, which is removed afterwards.

    A killed step leaves its files there, and the next step removes them.
    """
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
