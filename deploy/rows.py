"""Rows of results as they become known: JSON lines or CSV, in a file or on the standard output."""

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
"""frame: its number; sample: its first in the recording; time: of that in s, where the rate is known; capture and
frequency: of the recording, in Hz, where it has captures; class: its name, None where it has none; probability: the
network's own estimate of being right, 0 to 1; reason: why there is no class, else None."""


@contextmanager
def row_writer(out: str | None) -> Iterator[Callable[[Row], object] | None]:
    """A function that writes rows: JSON lines (FILE.jsonl, or `-` for the standard output), FILE.csv; else None.

    A file gets its name at the end, also of a run that failed; until then it is called FILE.part, and rows are in it as
    soon as they are known. The function, and the end, raise RadioMLError that names what could not be written.
    Raises RadioMLError for another suffix.
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
            with suppress(OSError):  # what could not be written was told when it was tried
                file.flush()
            if os.fstat(file.fileno()).st_size:
                partial.replace(path)
            else:
                partial.unlink()
    finally:
        with suppress(OSError):
            file.close()


def _naming(path: Path, write: Callable[[Row], object]) -> Callable[[Row], object]:
    """Write, and name the file where that fails."""

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
        with suppress(OSError, ValueError):  # what is still in the buffer can go nowhere
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
