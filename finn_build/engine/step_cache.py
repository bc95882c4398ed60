"""Steps of a build whose results are kept: one that was done from the same inputs is not done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from finn_build.engine.record import BuildRecord, digests
from finn_build.engine.step_runner import StepRunner


class KeptSteps:
    """Runs a build's steps in their order, from files to files of the build folder.

    A step's key is what it reads: the content of the files, its other inputs, the tool. So a build that was
    interrupted goes on at the step it stopped in, a changed input runs the steps that it changes something for, and a
    file that was altered is made anew.

    seconds: what each step took, now or when it was done.
    """

    def __init__(self, runner: StepRunner, record: BuildRecord, folder: Path) -> None:
        self.runner, self.record, self.folder = runner, record, folder
        self.seconds: dict[str, float] = {}

    def run(
        self,
        name: str,
        function: Callable[[], object],
        reads: Sequence[str],
        made: Sequence[str],
        inputs: Any = None,
        finn: bool = False,
    ) -> None:
        """Do the step unless its result is there.

        reads, made: files and folders of the build folder; inputs: what else the result depends on, as JSON can say it;
        finn: see `StepRunner.run`, which also says what is raised.
        """
        key = self._key(name, reads, inputs)
        if self.record.has_step(self.folder, name, key):
            self.seconds[name] = self.record.steps[name]["seconds"]
            self.runner.kept(name)
            return
        self.record.steps.pop(name, None)
        self.record.write(self.folder)
        self.runner.run(name, function, finn)
        self.seconds[name] = self.runner.seconds[name]
        self.record.finish_step(self.folder, name, key, self.seconds[name], made)

    def _key(self, name: str, reads: Sequence[str], inputs: Any) -> str:
        tool = (self.record.inputs["tool"], self.record.versions)
        content = [name, digests(self.folder, reads), inputs, tool]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
