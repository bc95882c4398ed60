"""`radioml evaluate` on a build: the RTL and the checkpoint that it came from give the same class for every frame."""

from __future__ import annotations

from pathlib import Path

import pytest

from radioml.files import read_json


@pytest.mark.parametrize("backend", [None, "software"])
def test_a_build_and_its_checkpoint_agree(small_build, data_file: Path, radioml, tmp_path: Path, backend: str | None):
    options = ["--data", data_file, "--frames", "96"]
    chosen = [] if backend is None else ["--backend", backend]
    of_build = radioml(
        "evaluate", small_build.folder, *options, *chosen, "--out", tmp_path / "a", home=small_build.home
    )
    assert of_build.returncode == 0, of_build.stderr
    checkpoint = small_build.run / "train" / "checkpoint.pth"
    of_checkpoint = radioml("evaluate", checkpoint, *options, "--out", tmp_path / "b", home=small_build.home)
    assert of_checkpoint.returncode == 0, of_checkpoint.stderr
    build, network = (read_json(tmp_path / name / "evaluation.json") for name in "ab")
    assert build["subject"] == f"Pynq-Z2-{backend or 'simulation'}"
    assert build["confusion"] == network["confusion"] and build["frames"] == 96
    assert build["training_data"] == network["training_data"] and build["data"] == network["data"]
