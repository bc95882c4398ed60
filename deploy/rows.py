"""Writes rows of results one by one: JSON lines or CSV, to a file or the standard output."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from radioml.errors import RadioMLError

STDOUT = "-"
Row = dict[str, Any]
"""One result.

frame: number of the frame. sample: number of the frame's first sample in the recording. time: of that sample in s, if
the sample rate is known. capture, frequency: of the recording, the frequency in Hz, if it has captures. class: name, or
None. probability: the network's own confidence, 0 to 1. reason: why there is no class, or None."""


@contextmanager
def row_writer(out: str | None) -> Iterator[Callable[[Row], object] | None]:
    """A function that writes rows: to FILE.csv, or as JSON lines to FILE.jsonl or `-`, the standard output.

    Without `out` the function is None. During the run the file is called FILE.part, and each row is written at once. At
    the end, also of a run that failed, the file gets its name. Raises RadioMLError for another suffix, and for a file
    that cannot be written.
    """
    if out is None:
        yield None
        return
    if out == STDOUT:
        yield lambda row: _to_stdout(json.dumps(row))
        return
    path = Path(out)
    if path.suffix not in (".jsonl", ".csv"):
        raise RadioMLError(f"{out}: give a .jsonl or .csv file, or - for JSON lines on the standard output")
    if path.is_dir():
        raise RadioMLError(f"{out}: a folder; give a .jsonl or .csv file")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.part")
    file = partial.open("a", buffering=1, encoding="utf-8", newline="")  # 1: a line at a time
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RadioMLError(f"{partial}: another process is writing this file; choose another with --out") from error
        file.truncate(0)
        write = _csv(file) if path.suffix == ".csv" else lambda row: file.write(json.dumps(row) + "\n")
        try:
            yield _naming(path, write)
        finally:
            with suppress(OSError):  # a failed write was reported when it failed
                file.flush()
            if os.fstat(file.fileno()).st_size:
                partial.replace(path)
            else:
                partial.unlink()
    finally:
        with suppress(OSError):
            file.close()


def _naming(path: Path, write: Callable[[Row], object]) -> Callable[[Row], object]:
    """Write a row; an error names the file."""

    def named(row: Row) -> None:
        try:
            write(row)
        except OSError as error:
            raise RadioMLError(f"{path}: cannot be written any further: {os.strerror(error.errno or 0)}") from error

    return named


def _to_stdout(line: str) -> None:
    try:
        print(line, flush=True, file=sys.stdout)
    except BrokenPipeError as error:
        with suppress(OSError, ValueError):  # the rest of the buffer goes to the null device
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise RadioMLError("the reader of the standard output closed it") from error
    except OSError as error:
        raise RadioMLError(f"the standard output cannot be written: {os.strerror(error.errno or 0)}") from error


def _csv(file: TextIO) -> Callable[[Row], object]:
    writer: csv.DictWriter[str] | None = None

    def write(row: Row) -> None:
        nonlocal writer
        if writer is None:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
        writer.writerow(row)

    return write
