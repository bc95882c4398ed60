"""`radioml stream` on live samples: rows as soon as a frame is there, and whole files however the run ends."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from tests.repository import REPOSITORY

FRAMES = 20


@pytest.fixture(scope="module")
def samples() -> bytes:
    """Noise of 20 frames and a bit, as cs16."""
    return np.random.default_rng(0).normal(0, 3000, FRAMES * 2048 + 300).astype("<i2").tobytes()


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "HOME": str(home), "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}


def command(package: Path, source: str, out: str) -> list[str]:
    arguments = ["stream", str(package), source, "--format", "cs16", "--backend", "software", "--out", out]
    return [sys.executable, "-m", "radioml", *arguments]


@contextmanager
def running_stream(package: Path, home: Path, out: str = "-") -> Iterator[subprocess.Popen[bytes]]:
    """A stream from an open pipe."""
    process = subprocess.Popen(
        command(package, "-", out), cwd=home, env=environment(home),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):  # of what was written and not read
                stream.close()


def send(stream: IO[bytes] | None, data: bytes) -> None:
    assert stream is not None
    stream.write(data)
    stream.flush()


def errors(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    return process.stderr.read().decode()


def test_rows_come_while_the_source_is_open(small_package, samples, tmp_path):
    """If rows came after a block of 256 frames or a batch only, the test would wait for ever."""
    with running_stream(small_package, tmp_path) as process:
        for round_ in range(2):
            send(process.stdin, samples[: FRAMES * 4096])
            rows = [json.loads(process.stdout.readline()) for _ in range(FRAMES)]
            assert [row["frame"] for row in rows] == list(range(round_ * FRAMES, (round_ + 1) * FRAMES))
            assert [row["sample"] for row in rows] == [1024 * row["frame"] for row in rows]
        process.stdin.close()
        assert process.stdout.read() == b"" and process.wait() == 0, errors(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_signal_ends_it_and_completes_its_files(small_package, samples, number, suffix, tmp_path):
    out = tmp_path / f"rows{suffix}"
    with running_stream(small_package, tmp_path, str(out)) as process:
        send(process.stdin, samples)
        until_rows(out.with_name(f"{out.name}.part"), FRAMES)
        process.send_signal(number)
        assert process.wait() == 130, "the pipe is still open, and the thread that reads it waits"
        text = errors(process)
    assert "interrupted" in text and "Traceback" not in text
    assert len(out.read_text().splitlines()) == FRAMES + (suffix == ".csv")
    summary = json.loads(out.with_suffix(".summary.json").read_text())
    assert (summary["frames"], summary["problem"]) == (FRAMES, "interrupted")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([out.name, "rows.summary.json"])


def until_rows(part: Path, rows: int) -> None:
    """Wait for so many rows in a file that another process writes."""
    while not part.exists() or part.read_bytes().count(b"\n") < rows:
        os.sched_yield()


def test_a_lost_terminal_ends_it_and_completes_its_files(small_package, samples, tmp_path):
    """As when a connection breaks: the kernel sends SIGHUP, and nothing can be written to the terminal any more."""
    os.mkfifo(tmp_path / "samples.cs16")
    out = tmp_path / "rows.jsonl"
    child, terminal = pty.fork()
    if not child:
        os.chdir(tmp_path)
        os.execve(sys.executable, command(small_package, "samples.cs16", str(out)), environment(tmp_path))
    with (tmp_path / "samples.cs16").open("wb") as pipe:
        send(pipe, samples)
        until_rows(out.with_name("rows.jsonl.part"), FRAMES)
        os.close(terminal)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert len(out.read_text().splitlines()) == FRAMES
    assert json.loads((tmp_path / "rows.summary.json").read_text())["problem"] == "interrupted"


def test_a_full_disk_names_the_file_and_keeps_what_fitted(small_package, samples, tmp_path):
    out = tmp_path / "rows.jsonl"
    with running_stream(small_package, tmp_path, str(out)) as process:
        send(process.stdin, samples)
        part = out.with_name("rows.jsonl.part")
        until_rows(part, FRAMES)
        limit = part.stat().st_size + 300
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        send(process.stdin, samples)
        assert process.wait() == 2
        text = errors(process)
    assert "rows.jsonl: cannot be written any further: File too large" in text and "Traceback" not in text
    rows = [json.loads(line) for line in out.read_text().splitlines()[:-1]]
    assert FRAMES <= len(rows) < FRAMES + 4
    assert "cannot be written" in json.loads((tmp_path / "rows.summary.json").read_text())["problem"]


def test_a_reader_that_goes_away_is_no_traceback(small_package, samples, tmp_path):
    with running_stream(small_package, tmp_path) as process:
        send(process.stdin, samples)
        process.stdout.readline()
        process.stdout.close()
        send(process.stdin, samples)
        assert process.wait() == 2
        text = errors(process)
    assert "the reader of the standard output closed it" in text
    assert "Traceback" not in text and "Exception ignored" not in text
