from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import SmallBuild, run_radioml


@pytest.fixture(scope="session")
def synthesised(small_build: SmallBuild) -> Path:
    """The build folder of the small network, synthesised."""
    pytest.importorskip("pyosys", reason="Yosys is absent: pip install -r requirements/synthesis.txt")
    goal = ("--board", "Pynq-Z2", "--until", "synthesis", "--target-fps", 400_000)
    done = run_radioml("build", small_build.model, *goal, home=small_build.home)
    assert done.returncode == 0, done.stderr
    assert "not Vivado" in done.stdout
    return small_build.folder
