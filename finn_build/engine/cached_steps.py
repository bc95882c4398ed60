"""Running the steps of a stage; a step whose result is cached is skipped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from finn_build.engine.step import Step
from finn_build.engine.step_runner import StepRunner
from radioml.cache import Cache, content_key, digests


class CachedSteps:
    """Runs steps in their order, from files of the build folder to files of the build folder.

    An interrupted build continues at the step in which it stopped. A changed input runs the steps that depend on it. An
    altered file is made anew.

    Args:
        runner: runs the steps that have to run.
        cache: the results, whose files lie in the build folder.
        basis: what every result depends on: the code of the stage, and the versions of the packages that build.
        board: properties of the board, on which the result of a step with `depends_on_board` depends.

    Attributes:
        seconds: id of each step so far -> its run time, now or when its cached result was made.
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
            step: the step. Its id is part of the cache key, its title is not.
            function: does the step's work.
            reads, made: files and folders of the build folder.
            inputs: what else the result depends on, as a JSON value.
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
