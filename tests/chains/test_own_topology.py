"""A user's own network, from an empty folder outside of the repository to simulated RTL."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from radioml.data.synthetic import write_dataset
from radioml.files import sha256
from radioml.reading.text import read_json, read_yaml

pytestmark = [pytest.mark.rtl, pytest.mark.training]


def test_from_an_empty_folder_to_simulated_rtl(
    radioml: Callable, radioml_here: Callable, quick_simulators: None, tmp_path: Path
):
    home = tmp_path

    def run(command: str) -> str:
        done = radioml_here(*shlex.split(command))
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    assert "mine.py" in run("init mine --topology")
    write_dataset(home / "frames.hdf5", 12, seed=4, processes=2)
    said = run(
        "train mine.yaml --data frames.hdf5 --set training.epochs=1 --set training.batch_size=64 "
        "--set parameters.channels=[4,4]"
    )
    export = "radioml export runs/mine/train/checkpoint.pth --run runs/mine --topology mine.py:Network"
    assert f"next, for `radioml score` and `build`: {export}" in said
    assert read_yaml(home / "runs" / "mine" / "config.yaml")["code"] == {"sha256": sha256(home / "mine.py")}
    # In another process, as this one knows the code since the training.
    refused = radioml("export", "runs/mine/train/checkpoint.pth", "--run", "runs/mine", home=home)
    assert refused.returncode == 2 and "name the file with --topology" in refused.stderr
    run(export.removeprefix("radioml "))
    assert "score" in run("score runs/mine/train/model.onnx")
    found = run("evaluate runs/mine/train/checkpoint.pth --data frames.hdf5 --topology mine.py:Network --frames 312")
    assert "the Brevitas network in exact integers" in found
    run("build runs/mine/train/model.onnx --board Pynq-Z2 --target-fps 97656 --until rtl")
    run("simulate runs/mine/build/Pynq-Z2 --frames 26 --topology mine.py:Network")
    report = read_json(home / "runs" / "mine" / "build" / "Pynq-Z2" / "simulation" / "simulation.json")
    assert (report["frames"], report["mismatching_frames"], report["reference"]) == (26, 0, "Brevitas")
