"""What lies where in a run directory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from radioml import run_directory
from radioml.run_directory import build_folder, results_folder, run_of
from tests.repository import REPOSITORY


@pytest.mark.parametrize("inside", ["train/model.onnx", "train", "build/ZCU104", "build/ZCU104/package.zip"])
def test_the_run_of_a_file_in_it(inside: str, tmp_path: Path):
    path = tmp_path / "runs" / "mine" / inside
    path.mkdir(parents=True) if not path.suffix else path.parent.mkdir(parents=True)
    assert run_of(path) == tmp_path / "runs" / "mine"
    assert build_folder(path, "KV260") == tmp_path / "runs" / "mine" / "build" / "KV260"
    assert results_folder(path) == tmp_path / "runs" / "mine" / "deploy"


@pytest.mark.parametrize("inside", ["model.onnx", "build/package.zip", "build/ZCU104/bitfile/package.zip"])
def test_other_files_have_their_results_beside_them(inside: str, tmp_path: Path):
    path = tmp_path / inside
    assert run_of(path) is None
    assert build_folder(path, "KV260") == path.parent / "build" / "KV260"
    assert results_folder(path) == path.parent / "deploy"


def test_no_other_file_of_the_product_spells_these_names():
    names = {value for name, value in vars(run_directory).items() if name.isupper() and "." in value}
    named = re.compile("|".join(f'"[^" ]*{re.escape(name)}"' for name in sorted(names)))
    spelt = {
        f"{path.relative_to(REPOSITORY)}:{number}"
        for room in ("radioml", "training", "finn_build", "deploy")
        for path in (REPOSITORY / room).rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if named.search(line) and path.name != "run_directory.py"
    }
    assert not spelt
