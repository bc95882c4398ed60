from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

import radioml.cli
from radioml.cli import SECTIONS, TRACEBACK_VARIABLE, command_line
from radioml.errors import MismatchError, MissingToolError, RadioMLError
from tests.repository import REPOSITORY

COMMAND_LINE = command_line()


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
def test_every_command_has_help(words: tuple[str, ...], radioml_here: Callable):
    done = radioml_here(*words, "--help")
    assert done.returncode == 0 and f"Usage: radioml {' '.join(words)}" in done.stdout
    command = COMMAND_LINE
    for word in words:
        command = command.commands[word]
    assert command.help, "says what it does"
    assert "radioml " in (command.epilog or ""), "shows an example"
    for parameter in command.params:
        if isinstance(parameter, typer.core.TyperOption):
            assert parameter.help, f"--{parameter.name}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--frames-per-cell", "1000000000"], "z.h5: not written: the disk is full"),
        (["--frames-per-cell", "1", "--seed", "9" * 23], "Invalid value for '--seed'"),
        (["--frames-per-cell", "1", "--processes", "100000"], "Invalid value for '--processes'"),
    ],
    ids=["size", "seed", "processes"],
)
def test_absurd_numbers_are_refused_before_anything_is_written(
    arguments: list[str], message: str, radioml_here: Callable, tmp_path: Path
):
    done = radioml_here("data", "synth", "z.h5", *arguments)
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and list(tmp_path.iterdir()) == []


def test_backends_and_parts_are_those_of_the_driver(radioml_here: Callable):
    from deploy.accelerator import BACKENDS
    from radioml.data.split import PARTS

    def choices(command: str, option: str) -> set[str]:
        shown = radioml_here(command, "--help").stdout
        return {*re.search(rf"--{option} +<([^>]*)>", shown)[1].split("|")}

    assert choices("classify", "backend") == choices("evaluate", "backend") == set(BACKENDS)
    assert choices("evaluate", "part") == set(PARTS)


def test_train_names_every_section_of_an_experiment():
    from training.experiments.experiment import Experiment

    for name in Experiment.model_fields:
        assert name in COMMAND_LINE.commands["train"].help


def test_the_installed_command_has_all_of_them(tmp_path: Path):
    done = _radioml("--help", cwd=tmp_path)
    assert done.returncode == 0
    shown = [line.split()[1] for line in done.stdout.splitlines() if re.match(r"│ [a-z]", line)]
    assert shown == [name for names in SECTIONS.values() for name in names], "in the order of the work"
    assert set(shown) == set(COMMAND_LINE.commands)


def test_help_loads_no_heavy_package(tmp_path: Path):
    program = (
        "import sys; sys.argv = ['radioml', '--help']\n"
        "from radioml.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "typer" in loaded
    assert not loaded & {"numpy", "torch", "scipy", "onnx", "qonnx", "finn", "h5py", "matplotlib", "pydantic"}


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
def test_a_mistake_is_one_message_and_exit_code_2(
    arguments: tuple[str, ...], message: str, radioml_here: Callable, tmp_path: Path
):
    done = radioml_here(*arguments)
    assert done.returncode == 2
    assert message in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.tmp*"))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[BaseException], int]]:
    """Run `main` with a command that raises an error; returns the exit code."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)}

    def run(error: BaseException) -> int:
        def command(prog_name: str) -> None:
            raise error

        monkeypatch.setattr(radioml.cli, "command_line", lambda: command)
        with pytest.raises(SystemExit) as ended:
            radioml.cli.main()
        return ended.value.code

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (MismatchError("other integers"), 1, "mismatch: other integers"),
        (RadioMLError("no such [file]"), 2, "error: no such [file]"),
        (PermissionError(errno.EACCES, "Permission denied", "x.h5"), 2, "error: [Errno 13] Permission denied: 'x.h5'"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "error: [Errno 28] No space left on device"),
        (MemoryError("cannot have 5 TiB"), 2, "error: not enough memory: cannot have 5 TiB"),
        (MissingToolError("g++ is not here"), 3, "missing: g++ is not here"),
        (ModuleNotFoundError("", name="finn_build.build"), 3, "`finn_build.build` is not installed here"),
    ],
)
def test_what_a_user_can_cause_is_a_message(failing, capsys, monkeypatch, error, code, message):
    monkeypatch.delenv(TRACEBACK_VARIABLE, raising=False)
    assert failing(error) == code
    shown = capsys.readouterr().err
    assert message in shown and "Traceback" not in shown
    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    assert failing(error) == code
    shown = capsys.readouterr().err
    assert message in shown and "Traceback" in shown and "in command" in shown


@pytest.mark.parametrize(
    "error",
    [ValueError("shapes differ"), KeyError("x"), OSError(errno.EBADF, "Bad file descriptor"), OSError("HDF5 says no"),
     ModuleNotFoundError("", name="numpy"), IndexError("frame 5"), RuntimeError("oops"), AssertionError()],
    ids=repr,
)  # fmt: skip
def test_an_error_of_the_program_keeps_its_traceback(failing, error):
    with pytest.raises(type(error)):
        failing(error)


def test_traceback_on_request(tmp_path: Path):
    for environment, arguments in (({}, ["--traceback"]), ({TRACEBACK_VARIABLE: "1"}, [])):
        done = subprocess.run(
            [sys.executable, "-m", "radioml", *arguments, "summary", "absent"],
            capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **environment}, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert "Traceback" in done.stderr and "in summarise" in done.stderr
        assert "error: absent: no results there" in done.stderr


@pytest.mark.parametrize(
    ("own", "policy"),
    [({}, "passive"), ({"OMP_WAIT_POLICY": "active"}, "active"), ({"GOMP_SPINCOUNT": "9"}, None)],
)
@pytest.mark.parametrize("starts", ["main()", "print(ProcessPool(1).submit(os.getenv, 'OMP_WAIT_POLICY').result())"])
def test_threads_sleep_while_they_wait_unless_the_user_says_otherwise(starts, own, policy, tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\n"
        "from radioml.cli import main\n"
        "from radioml.processes import ProcessPool\n"
        "if __name__ == '__main__':\n"
        "    try:\n"
        f"        {starts}\n"
        "    finally:\n"
        "        print(os.getenv('OMP_WAIT_POLICY'), 'torch' in sys.modules)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    environment |= {**own, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, str(script), "--help"], capture_output=True, text=True, env=environment, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[-1] == f"{policy} False" and ("radioml" in done.stdout or lines[0] == str(policy))
