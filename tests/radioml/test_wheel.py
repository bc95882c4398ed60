"""The workstation's wheel, installed alone beside its dependencies: it contains all data that its commands read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from finn_build.boards import board_names
from tests.repository import REPOSITORY

ROOMS = ("radioml", "training", "finn_build", "deploy", "boards")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")


def run(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment
    return subprocess.run(list(map(str, command)), cwd=cwd, env=given, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the rooms, because setuptools leaves a build folder beside the source."""
    source = tmp_path_factory.mktemp("source")
    for room in ROOMS:
        shutil.copytree(REPOSITORY / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "THIRD_PARTY_NOTICES.md"):
        if (REPOSITORY / name).exists():
            shutil.copy(REPOSITORY / name, source)
    build = "from setuptools.build_meta import build_wheel; build_wheel('wheels')"  # as pip does
    done = run(sys.executable, "-c", build, cwd=source)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (source / "wheels").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with this project from the wheel alone, and with this environment's other packages."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    assert run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent).returncode == 0
    (site,) = folder.glob("lib/python*/site-packages")
    # A path added by this file is not searched for .pth files, so an editable installation there stays unseen.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    done = run(*PIP, "--python", folder / "bin" / "python", "install", "--quiet", "--no-deps", wheel, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    return folder / "bin" / "radioml"


def test_every_file_of_a_package_is_in_the_wheel(wheel: Path):
    """Every file of the rooms is needed at run time."""
    done = run("git", "ls-files", *ROOMS, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(wheel) as archive:
        assert set(done.stdout.split()) <= set(archive.namelist())


@pytest.mark.rtl
def test_boards_score_and_estimate(installed: Path, small_model: Path, tmp_path: Path):
    def radioml(*arguments: object) -> str:
        done = run(installed, *arguments, cwd=tmp_path, HOME=str(tmp_path), COLUMNS="200")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = run(installed.with_name("python"), "-c", "import boards, radioml; print(radioml.__file__)", cwd=tmp_path)
    assert str(installed.parents[1]) in where.stdout, "another installation would be tested"
    listed = radioml("boards", "list")
    assert all(name in listed for name in board_names())
    assert "inference cost" in radioml("score", small_model)
    estimated = radioml("build", small_model, "--board", "ZCU104", "--until", "estimate", "--out", tmp_path / "out")
    assert "Estimated: ZCU104" in estimated
