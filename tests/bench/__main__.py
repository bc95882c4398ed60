"""`python -m tests.bench FOLDER [NAME...]`: run all benchmarks, or those named, and write one JSON each to FOLDER."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from radioml.files import write_json
from tests.repository import REPOSITORY

from .generator import generator
from .measure import conditions
from .packing import packing
from .reading import reading
from .simulation import simulation
from .software import software
from .statistics import statistics
from .waiting import waiting


def packing_board() -> dict[str, Any]:
    """The same as `packing`, with the board's NumPy and finn-plus-driver."""
    python = os.environ.get("RADIOML_BOARD_PYTHON") or REPOSITORY / ".venv-board" / "bin" / "python"
    # Not as tests.bench: one of the board's Python packages installs a package `tests` of its own.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])}
    command = [str(python), "-m", "bench.packing"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)


BENCHMARKS: dict[str, Callable[[], dict[str, Any]]] = {
    "generator": generator,
    "reading": reading,
    "packing": packing,
    "packing_board": packing_board,
    "simulation": simulation,
    "software": software,
    "statistics": statistics,
    "waiting": waiting,
}


def _show(name: str, value: dict[str, Any]) -> None:
    """One line a baseline."""
    for key, part in value.items():
        if key == "baselines":
            for baseline, other in part.items():
                print(f"{name}: {value['frames/s']:,.0f} frames/s, {other['ratio']:,.2f} x {baseline}", flush=True)
        elif isinstance(part, dict):
            _show(f"{name} {key}", part)


def main(out: Path, names: list[str]) -> None:
    """Run the benchmarks of these names."""
    for name in names:
        value = BENCHMARKS[name]()
        write_json(out / f"{name}.json", {"conditions": conditions(), **value})
        _show(name, value)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(BENCHMARKS))
