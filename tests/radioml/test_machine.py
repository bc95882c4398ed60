"""Folders that one process works in, and the cores that it may use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from radioml.errors import RadioMLError
from radioml.files import alone_in
from radioml.processes import cores

HOLD = """
import sys
from pathlib import Path
from radioml.files import alone_in
with alone_in(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""


def test_a_folder_takes_one_process_at_a_time(tmp_path: Path):
    folder = tmp_path / "build" / "board"
    other = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"in\n"
    with pytest.raises(RadioMLError, match="another process is working in this folder"), alone_in(folder):
        pass
    other.kill()  # a lock that outlived a killed process would need a hand to remove it
    other.communicate()
    with alone_in(folder):
        assert list(folder.iterdir()) == []


def test_a_file_is_no_folder(tmp_path: Path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(FileExistsError), alone_in(tmp_path / "file"):
        pass
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", 3), ("150000 100000", 1), ("200000 100000", 2), ("50000 100000", 1)]
)
def test_a_containers_quota_counts(quota: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 5})
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert cores(tmp_path / "cpu.max") == expected
    assert cores(tmp_path / "absent") == 3


IMPORT_SWALLOWS = """
import sys
print("importing", flush=True)
try:
    sys.stdin.readline()
except BaseException:
    pass
"""
RUN = """
import signal, sys, types
sys.path.insert(0, sys.argv[1])
from radioml import cli

@cli.app.command()
def slow():
    import swallows
    print("went on", flush=True)
    import time
    time.sleep(300)

sys.argv = ["radioml", "slow"]
cli.main()
"""


def test_ctrl_c_during_an_import_is_not_lost(tmp_path: Path):
    (tmp_path / "swallows.py").write_text(IMPORT_SWALLOWS)
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate("the import ends after the signal\n")
    assert process.returncode == 130
    assert "went on" in out and "interrupted: the same command continues or starts again" in err


def test_ctrl_c_is_the_first_processs_alone():
    pool = "from radioml.processes import ProcessPool\nimport time\n"
    pool += "with ProcessPool(1) as pool:\n    pool.submit(time.sleep, 1).add_done_callback(lambda job: print(job))\n"
    pool += "    print('in', flush=True)\n    time.sleep(300)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", pool], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout.readline() == "in\n"
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate()
    assert "state=finished returned NoneType" in out
    assert err.count("Traceback") == 1 and err.rstrip().endswith("KeyboardInterrupt")
