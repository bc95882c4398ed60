"""A progress bar that appears with the first progress, and disappears if the work fails.

In a log or a pipe, where no bar can move, a line a minute says how far the work is.
"""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import Any

from rich.markup import escape
from rich.progress import Progress, TaskID

SECONDS_A_LINE = 60.0
"""How often a line is printed where no bar can be shown."""


class WorkProgress(Progress):
    """As rich's, but a command that fails leaves no bar behind."""

    def __enter__(self) -> WorkProgress:
        """Wait for the first progress."""
        self._said = monotonic()
        return self

    def update(self, task_id: TaskID, **values: Any) -> None:
        """As rich's; shows the bar once something is done."""
        super().update(task_id, **values)
        if values.get("completed") or values.get("advance"):
            self._show(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """As rich's; shows the bar."""
        super().advance(task_id, advance)
        self._show(task_id)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave a finished bar."""
        if not self.live.is_started:
            return
        if error is not None:
            self.live.transient = True
        self.stop()

    def _show(self, task_id: TaskID) -> None:
        if self.console.is_terminal:
            self.start()
        elif (now := monotonic()) >= self._said + SECONDS_A_LINE:
            self._said = now
            task = self.tasks[self.task_ids.index(task_id)]
            of = "" if task.total is None else f" of {task.total:,.0f}"
            self.console.print(escape(f"{task.description}: {task.completed:,.0f}{of}"), soft_wrap=True)
