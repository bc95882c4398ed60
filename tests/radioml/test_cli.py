from __future__ import annotations

import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import radioml.cli
from radioml.cli import app

# as `main` does, but every file: a command that `main` does not import is found missing below
for module in pkgutil.iter_modules(radioml.cli.__path__, "radioml.cli."):
    import_module(module.name)
COMMAND_LINE = typer.main.get_command(app)


def _commands(group: typer.core.TyperGroup, *before: str) -> list[tuple[str, ...]]:
    """The words of every command of a group and of the groups in it."""
    found = []
    for name, command in group.commands.items():
        words = (*before, name)
        found += _commands(command, *words) if isinstance(command, typer.core.TyperGroup) else [words]
    return found


def _radioml(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "radioml", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False
    )


@pytest.mark.parametrize("words", _commands(COMMAND_LINE), ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...]):
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "120"})
    assert done.exit_code == 0 and f"Usage: radioml {' '.join(words)}" in done.output
    command = COMMAND_LINE
    for word in words:
        command = command.commands[word]
    assert command.help, "says what it does"
    assert "radioml " in (command.epilog or ""), "shows an example"
    for parameter in command.params:
        if isinstance(parameter, typer.core.TyperOption):
            assert parameter.help, f"--{parameter.name}"


def test_backends_and_parts_are_those_of_the_driver():
    from deploy.accelerator import BACKENDS
    from radioml.data.split import PARTS

    def choices(command: str, option: str) -> set[str]:
        shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
        return {*re.search(rf"--{option} +<([^>]*)>", shown)[1].split("|")}

    assert choices("classify", "backend") == choices("evaluate", "backend") == set(BACKENDS)
    assert choices("evaluate", "part") == set(PARTS)


def test_train_names_every_section_of_an_experiment():
    from training.experiment import Experiment

    for name in Experiment.model_fields:
        assert name in COMMAND_LINE.commands["train"].help


def test_the_installed_command_has_all_of_them(tmp_path: Path):
    done = _radioml("--help", cwd=tmp_path)
    assert done.returncode == 0
    shown = {line.split()[1] for line in done.stdout.splitlines() if re.match(r"│ [a-z]", line)}
    assert shown == set(COMMAND_LINE.commands)


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
