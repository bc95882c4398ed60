"""FINN's bitfile steps in a fork of the tests' process, which has FINN; a Python of its own imports it for seconds."""

from __future__ import annotations

import json
import os
import traceback
from pathlib import Path
from typing import TextIO

import pytest

from finn_build.vivado import synthesis


def fork_finn(patch: pytest.MonkeyPatch) -> None:
    """Let bitfile steps run in forks from now on, where no build is killed: a fork does not end with its parent."""
    patch.setattr(synthesis, "run_attached", _run)


def _run(command: list[str], stdout: TextIO, stderr: int) -> int:
    """What `run_attached` does with the command of `synthesis.synthesise`."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        for stream in (1, 2):
            os.dup2(stdout.fileno(), stream)
        synthesis.serve(json.loads(Path(command[-1]).read_text(encoding="utf-8")))
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
