"""A killed process leaves no child, and the next run removes all files that it left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from radioml.files import replacing
from radioml.processes import run_attached
from radioml.temporary import temporary_file, temporary_folder
from tests.killing import new_mark, processes_of, until
from tests.repository import REPOSITORY


def script(text: str, folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """Run Python code until the code prints a line."""
    (folder / "script.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "HOME": str(folder)}
    command = [sys.executable, str(folder / "script.py"), *map(str, arguments)]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_killed_generator_leaves_no_process_and_no_file(tmp_path: Path):
    mark = new_mark()
    command = [sys.executable, "-m", "radioml", "data", "synth", "z.h5", "--frames-per-cell", "400", "--processes", "2"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "HOME": str(tmp_path), "MARK": mark}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)

    def runs() -> bool:
        """Fails at once where the generator has ended, for instance for lack of space."""
        assert process.poll() is None, process.stderr.read()
        return True

    until(lambda: runs() and len(processes_of(mark)) >= 4, "the generator, two workers and the resource tracker")
    until(lambda: runs() and any(".tmp" in path.name for path in tmp_path.iterdir()), "a temporary file")
    process.kill()
    process.wait()
    until(lambda: not processes_of(mark), f"left: {processes_of(mark)}")
    left = [path.name for path in tmp_path.iterdir()]
    assert any(".tmp" in name for name in left) and any(".lock" in name for name in left)
    with replacing(tmp_path / "another.json") as temporary:
        temporary.write_text("{}")
    assert [path.name for path in tmp_path.iterdir()] == ["another.json"]


KEEPS = """
import sys, time
from pathlib import Path
from radioml.temporary import temporary_file, temporary_folder
with temporary_file(Path("kept.bin")) as file, temporary_folder("radioml-test") as folder:
    file.write_bytes(b"half")
    (folder / "inside").mkdir()
    print(folder, flush=True)
    time.sleep(1000)
"""


def test_what_a_living_process_uses_stays_and_goes_when_it_is_killed(tmp_path: Path):
    process = script(KEEPS, tmp_path)
    folder = Path(process.stdout.readline().strip())
    for _ in range(2):
        with temporary_file(tmp_path / "mine.bin"), temporary_folder("radioml-test"):
            pass
    assert (folder / "inside").is_dir() and len(list(tmp_path.glob(".kept.*.tmp.bin"))) == 1
    process.kill()
    process.wait()
    with temporary_file(tmp_path / "mine.bin"), temporary_folder("radioml-test") as mine:
        assert mine.is_dir()
    assert not folder.exists() and not mine.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["script.py"]


def test_other_hidden_files_are_left_alone(tmp_path: Path):
    others = [".a.lock", ".x.0123456789abcdef.lck", ".x.tmp.h5", ".0123456789abcdef.lock", "a.0123456789abcdef.lock"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".linked.0123456789abcdef.lock").symlink_to(tmp_path / ".x.tmp.h5")
    with temporary_file(tmp_path / "mine.bin"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {*others, ".linked.0123456789abcdef.lock"}


@pytest.mark.parametrize("name", ["x" * 250, "x." + "y" * 240, "no suffix", ".hidden", "ends."])
def test_names_of_any_length(name: str, tmp_path: Path):
    with replacing(tmp_path / name) as temporary:
        temporary.write_text("whole")
    assert (tmp_path / name).read_text() == "whole" and len(list(tmp_path.iterdir())) == 1


def test_new_files_have_the_usual_permissions(tmp_path: Path):
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "x.json") as temporary:
            temporary.write_text("{}")
    finally:
        os.umask(before)
    assert (tmp_path / "x.json").stat().st_mode & 0o777 == 0o640


def test_an_attached_command_gives_its_exit_code_and_output(tmp_path: Path):
    with (tmp_path / "log").open("w") as log:
        assert run_attached(["sh", "-c", 'echo "$1" "$0"; exit 7', "a b", "*"], stdout=log) == 7
    assert (tmp_path / "log").read_text() == "* a b\n"
    assert run_attached(["true"]) == 0


ATTACHED = """
import sys
from radioml.processes import run_attached
run_attached(["sh", "-c", "sleep 1000 & sleep 1000 & echo started; wait"])
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_all_that_a_command_has_started_ends_with_us(number: signal.Signals, tmp_path: Path, monkeypatch):
    mark = new_mark()
    monkeypatch.setenv("MARK", mark)
    process = script("import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n" + ATTACHED, tmp_path)
    assert process.stdout.readline() == "started\n"
    assert len(processes_of(mark)) >= 4
    process.send_signal(number)
    process.wait()
    until(lambda: not [p for p in processes_of(mark) if p != os.getpid()], f"left: {processes_of(mark)}")
