"""Running the steps of a stage, each of which is skipped where its result is there already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from finn_build.engine.step import Step
from finn_build.engine.step_runner import StepRunner
from radioml.cache import Cache, content_key, digests


class CachedSteps:
    """Runs steps in their order, from files of the build folder to files of the build folder.

    A build that was interrupted goes on at the step it stopped in. A changed input runs the steps that it changes
    something for. A file that was altered is made anew.

    Args:
        runner: runs the steps that have to run.
        cache: the results, whose files lie in the build folder.
        basis: what every result depends on: the code of the stage, and the versions of the packages that build.
        board: what the results of steps that depend on the board depend on.

    Attributes:
        seconds: id of each step so far -> what it took, now or when its result was made.
    """

    def __init__(self, runner: StepRunner, cache: Cache, basis: Any, board: Any) -> None:
        self.runner, self.cache, self.folder = runner, cache, cache.folder
        self.seconds: dict[str, float] = {}
        self._basis, self._board = basis, board

    def run(
        self,
        step: Step,
        function: Callable[[], object],
        reads: Sequence[str],
        made: Sequence[str],
        inputs: Any = None,
    ) -> None:
        """Run a step unless its result is in the cache; raises what `StepRunner.run` raises.

        Args:
            step: which step; of its name the result depends on the id alone.
            function: does it.
            reads, made: files and folders of the build folder.
            inputs: what else the result depends on, as JSON can say it.
        """
        board = self._board if step.depends_on_board else None
        key = content_key(step.id, digests(self.folder, reads), inputs, board, self._basis)
        if receipt := self.cache.find(step.id, key):
            self.seconds[step.id] = receipt.value
            self.runner.skip(step)
            return
        self.cache.forget(step.id)
        self.runner.run(step, function)
        self.seconds[step.id] = self.runner.seconds[step.id]
        self.cache.store(step.id, key, made, self.seconds[step.id])
