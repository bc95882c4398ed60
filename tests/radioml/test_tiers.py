"""The tests' own rules: which tests belong to which tier, and when a skipped test is a failure."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository import REPOSITORY

SAMPLE = """
import pytest

@pytest.fixture
def small_build():
    pass

@pytest.fixture
def package(small_build):
    pass

def test_of_a_build(package):
    pass

@pytest.mark.board
def test_of_the_board():
    pytest.skip("no environment")

def test_without_fixtures():
    pytest.skip("no GPU")
"""
OURS = ("RADIOML_REQUIRE_BOARD", "PYTEST_XDIST_WORKER")
"""Variables of the tests that are running."""


def _pytest(folder: Path, *options: str, **environment: str) -> str:
    (folder / "conftest.py").write_text(
        "from tests.conftest import pytest_collection_modifyitems, pytest_runtest_makereport\n"
    )
    (folder / "test_sample.py").write_text(SAMPLE)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *options, "test_sample.py"]
    variables = {name: value for name, value in os.environ.items() if name not in OURS}
    variables |= {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "200", **environment}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False).stdout


def test_a_fixture_marks_the_tests_that_use_it(tmp_path: Path):
    assert "1 passed, 2 deselected" in _pytest(tmp_path, "-m", "rtl")


@pytest.mark.parametrize(
    ("required", "outcome"),
    [({}, "1 passed, 2 skipped"), ({"RADIOML_REQUIRE_BOARD": "1"}, "1 failed, 1 passed, 1 skipped")],
)
def test_tests_of_the_board_can_be_required(required: dict[str, str], outcome: str, tmp_path: Path):
    output = _pytest(tmp_path, **required)
    assert outcome in output
    assert ("RADIOML_REQUIRE_BOARD is set, and this test is skipped: Skipped: no environment" in output) == bool(
        required
    )


def test_a_file_is_one_group_and_the_small_build_another(tmp_path: Path):
    """One process runs a group; where there are no groups, each process makes the builds of all fixtures."""
    output = _pytest(tmp_path, "-v", "--numprocesses", "1", "--dist", "loadgroup")
    groups = dict(re.findall(r"::(\w+)@(.+?) *$", output, re.M))
    file = str(tmp_path / "test_sample.py")
    assert groups == {"test_of_a_build": "small build", "test_of_the_board": file, "test_without_fixtures": file}
