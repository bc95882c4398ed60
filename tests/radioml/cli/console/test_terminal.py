from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from radioml import progress
from radioml.cli import app
from radioml.cli.console import terminal
from radioml.progress import WorkProgress
from tests.repository import REPOSITORY


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (["score", "m.onnx"], ["score", "m.onnx"]),
        (["score", "--json", "m.onnx"], ["score", "--json=-", "m.onnx"]),
        (["score", "m.onnx", "--json"], ["score", "m.onnx", "--json=-"]),
        (["score", "m.onnx", "--json", "out.json"], ["score", "m.onnx", "--json=out.json"]),
        (["score", "m.onnx", "--json=out"], ["score", "m.onnx", "--json=out"]),
        (["score", "-q", "m.onnx"], ["-q", "score", "m.onnx"]),
        (["score", "m.onnx", "--json", "--quiet"], ["--quiet", "score", "m.onnx", "--json=-"]),
        (["score", "--", "--json", "-q"], ["score", "--", "--json", "-q"]),
    ],
)
def test_json_and_quiet_stand_anywhere(given: list[str], taken: list[str]):
    assert terminal.arguments(given) == taken


def _radioml(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "radioml", *arguments], capture_output=True, text=True, cwd=cwd, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [("boards", "list"), ("boards", "show", "ZCU104"), ("models", "list"), ("doctor",)],
    ids=" ".join,
)
def test_json_is_alone_on_the_standard_output(arguments: tuple[str, ...], radioml_here: Callable):
    done = radioml_here(*arguments, "--json")
    assert done.returncode == 0
    figures = json.loads(done.stdout)
    assert figures and "│" not in done.stdout
    assert done.stderr.strip(), "people still get the table, on the error stream"
    silent = radioml_here("--quiet", *arguments, "--json")
    assert json.loads(silent.stdout) == figures and not silent.stderr


def test_json_into_a_file(tmp_path: Path):
    done = _radioml("boards", "show", "ZCU104", "--json", "board.json", cwd=tmp_path)
    assert done.returncode == 0 and "ZCU104" in done.stdout
    assert json.loads((tmp_path / "board.json").read_text())["name"] == "ZCU104"


def test_quiet_leaves_errors(radioml_here: Callable):
    done = radioml_here("boards", "show", "ZCU105", "--quiet")
    assert done.returncode == 2 and not done.stdout and "did you mean 'ZCU104'" in done.stderr
    done = radioml_here("boards", "show", "ZCU104", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_json_and_rows_do_not_share_the_standard_output(radioml_here: Callable):
    done = radioml_here("stream", "x.iq", "--out", "-", "--json")
    assert done.returncode == 2 and "both write to the standard output" in done.stderr


def test_a_command_does_not_inherit_the_streams_of_the_one_before():
    import radioml.cli.commands.boards  # noqa: F401

    runner = CliRunner()
    assert json.loads(runner.invoke(app, ["boards", "list", "--json"]).stdout)
    assert "ZCU104" in runner.invoke(app, ["boards", "list"]).stdout
    assert not runner.invoke(app, ["boards", "list", "--quiet"]).output
    assert "ZCU104" in runner.invoke(app, ["boards", "list"]).stdout


@pytest.mark.parametrize("columns", [60, 200])
def test_a_table_keeps_to_the_terminals_width(columns: int):
    import radioml.cli.commands.doctor  # noqa: F401

    shown = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": str(columns)}).stdout
    assert "training" in shown and max(map(len, shown.split("next:")[0].splitlines())) <= columns


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}], ids=str)
def test_no_color_takes_the_colours(variables: dict[str, str], tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "radioml", "doctor"], capture_output=True, text=True, cwd=tmp_path, check=True,
        env={"PYTHONPATH": str(REPOSITORY), "TERM": "xterm", "FORCE_COLOR": "1", **variables},
    )  # fmt: skip
    coloured = re.search(r"\x1b\[[0-9;]*3[1-6]m", done.stdout)
    assert (coloured is None) == bool(variables)


def test_progress_is_a_line_a_minute_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch):
    clock = iter([0.0, 30.0, 61.0, 62.0, 122.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))
    shown = StringIO()
    with WorkProgress(console=Console(file=shown)) as bar:
        task = bar.add_task("comparing [x]", total=4000)
        for done in (1000, 2000, 3000, 4000):
            bar.update(task, completed=done)
    assert shown.getvalue().splitlines() == ["comparing [x]: 2,000 of 4,000", "comparing [x]: 4,000 of 4,000"]
