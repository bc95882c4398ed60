"""A progress bar that is shown once there is progress, and goes where work fails."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.progress import Progress, TaskID


class WorkProgress(Progress):
    """As rich's, but a command that fails before it has done anything, or in the middle, leaves no bar behind."""

    def __enter__(self) -> WorkProgress:
        """Wait for the first progress."""
        return self

    def update(self, task_id: TaskID, **values: Any) -> None:
        """As rich's; shows the bar once something is done."""
        super().update(task_id, **values)
        if values.get("completed") or values.get("advance"):
            self.start()

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """As rich's; shows the bar."""
        super().advance(task_id, advance)
        self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave a finished bar."""
        if not self.live.is_started:
            return
        if error is not None:
            self.live.transient = True
        self.stop()
