from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def _radioml(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "radioml", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False
    )


@pytest.mark.parametrize(
    "command",
    [
        "data",
        "train",
        "export",
        "score",
        "build",
        "simulate",
        "classify",
        "evaluate",
        "compare",
        "submission",
        "summary",
        "models",
    ],
)
def test_every_command_has_help(command: str, tmp_path: Path):
    done = _radioml(command, "--help", cwd=tmp_path)
    assert done.returncode == 0 and "Usage" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("data", "check", "absent.hdf5"), "absent.hdf5: no such file"),
        (("score", "absent.onnx"), "absent.onnx: no such file"),
        (("train", "polyphase", "--data", "absent.hdf5"), "absent.hdf5: no such file"),
        (("export", "absent.pth", "--run", "run"), "absent.pth: no such checkpoint"),
        (("summary", "empty[1]"), "empty[1]: no results there"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(arguments: tuple[str, ...], message: str, tmp_path: Path):
    done = _radioml(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.tmp*"))
