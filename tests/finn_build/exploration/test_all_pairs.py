"""`radioml estimate`: networks on boards, each folded as fast as fits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from finn_build.boards import load_board
from finn_build.build import build
from finn_build.exploration.all_pairs import _estimate
from finn_build.exploration.tables import markdown, markdown_in_full
from radioml.contract.all_pairs import FAILED, FITS, AllPairs, Layers
from radioml.contract.estimate import RESOURCES
from radioml.reading.text import read_json
from tests.repository import REPOSITORY

pytestmark = pytest.mark.rtl

SMALL = {"phases": 32, "channels": [4, 4], "kernels": [3, 3], "strides": [2, 2]}
STATISTICS = {
    "phase_statistics": ["p"], "whole_statistics": ["x.p", "max.p"], "phase_units": 2, "whole_units": 2,
}  # fmt: skip
EXPERIMENTS = {
    "small": {"topology": "polyphase", "parameters": SMALL},
    "small_trained_longer": {"topology": "polyphase", "parameters": SMALL, "training": {"epochs": 99}},
    # More weights than the 280 block RAMs of a Pynq-Z2 hold, however slowly they are read.
    "huge": {"topology": "polyphase", "parameters": SMALL | {"channels": [512, 512]}},
    "residual": {"topology": "bacalhaunet", "parameters": {"channels": [4, 4], "kernels": [3, 3], "strides": [8, 1]}},
    "statistics": {"topology": "symbol_statistics", "parameters": STATISTICS},
    "joined": {"topology": "aaronnet", "parameters": {"stem": 3, "blocks": [4], "dense": 4}},
}


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("configs")
    for name, experiment in EXPERIMENTS.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"name": name, **experiment}))
    return [part for name in EXPERIMENTS for part in ("--config", folder / f"{name}.yaml")]


@pytest.fixture(scope="module")
def estimated(radioml, configs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("estimated")
    (home := folder / "home").mkdir()
    done = radioml("estimate", *configs, "--board", "Pynq-Z2", "--board", "U250", "--out", folder / "out", home=home)
    assert done.returncode == 0, done.stderr
    assert list(home.iterdir()) == []
    return folder / "out", done.stdout


def cells(folder: Path) -> dict[tuple[str, str], dict]:
    value = read_json(folder / "estimate_all.json")
    return {(cell["network"], cell["board"]): cell for cell in value["cells"]}


def test_verdicts(estimated):
    folder, output = estimated
    found = cells(folder)
    assert {pair: cell["verdict"] for pair, cell in found.items()} == {
        ("small", "Pynq-Z2"): "fits",
        ("small", "U250"): "fits",
        ("huge", "Pynq-Z2"): "does not fit",
        ("huge", "U250"): "fits",
        ("residual", "Pynq-Z2"): "fits",
        ("residual", "U250"): "fits",
        ("statistics", "Pynq-Z2"): "fits",
        ("statistics", "U250"): "fits",
        ("joined", "Pynq-Z2"): "fits",
        ("joined", "U250"): "fits",
    }, "experiments that differ in training only are one network"
    assert "BRAM_18K of" in found["huge", "Pynq-Z2"]["reason"]
    said = " ".join(output.split())
    assert "residual: the branches of its residual sums have one scale" in said


@pytest.mark.parametrize("network", ["small", "statistics"])
def test_a_figure_is_that_of_a_build(network, estimated, tmp_path):
    folder, _ = estimated
    model = folder / "networks" / network / "train" / "model.onnx"
    value = build(model, "Pynq-Z2", "estimate", tmp_path / "build", fit=True).estimate
    cell = cells(folder)[network, "Pynq-Z2"]
    assert cell["cycles"] == value.cycles_per_frame
    assert cell["frames_per_second"] == pytest.approx(100e6 / cell["cycles"])
    assert {name: cell[name] for name in RESOURCES} == value.total
    assert cell["limit"] == value.folded.limit
    usable = load_board("Pynq-Z2").usable
    assert all(cell[name] <= 0.8 * usable[name] for name in RESOURCES)


def test_tables(estimated):
    folder, _ = estimated
    value, found = AllPairs.read(folder / "estimate_all.json"), cells(folder)
    compact = (folder / "estimate_all.md").read_text()
    assert compact == markdown(value)
    rows = [line.strip("| ").split(" | ") for line in compact.splitlines() if line.startswith("| ")]
    rates = [f"{found[name, 'U250']['frames_per_second']:,.0f}" for name in ("small", "huge")]
    assert rows[0] == ["network", "Pynq-Z2 (100 MHz)", "U250 (250 MHz)"]
    assert rows[3] == ["huge", "no", rates[1]]
    assert rows[2][::2] == ["small", rates[0]]
    assert "untrained" in compact
    full = (folder / "estimate_all_in_full.md").read_text()
    assert full == markdown_in_full(value)
    assert len([line for line in full.splitlines() if line.startswith("| ")]) == 2 + len(found)


def test_second_run_estimates_nothing(radioml_here, configs, estimated, tmp_path):
    folder, _ = estimated
    files = [*folder.glob("cells/*/*.json"), *folder.glob("networks/*/*")]
    before = {path: path.stat().st_mtime_ns for path in files}
    altered = folder / "cells" / "small" / "U250.json"
    altered.write_text(json.dumps({**read_json(altered), "key": "of something else"}))
    done = radioml_here("estimate", *configs, "--board", "Pynq-Z2", "--board", "U250", "--out", folder)
    assert done.returncode == 0, done.stderr
    changed = [path for path, written in before.items() if path.stat().st_mtime_ns != written]
    assert changed == [altered]


def test_what_goes_wrong_with_one_pair_is_its_verdict_and_not_cached(estimated, tmp_path):
    """An unreadable graph of FINN's layers is a failure that no check foresees."""
    folder, _ = estimated
    layers = Layers(**read_json(folder / "networks" / "small" / "layers.json")["value"])
    train = tmp_path / "networks" / "small" / "train"
    train.mkdir(parents=True)
    (train / "model.onnx").symlink_to(folder / "networks" / "small" / "train" / "model.onnx")
    graph = train.parent / "layers.onnx"
    graph.write_bytes(b"no graph")
    pair = _estimate(layers, "U250", tmp_path)
    assert (pair.verdict, pair.network) == (FAILED, "small")
    assert "log" in pair.reason
    assert "small on U250 failed" in (tmp_path / "estimate.log").read_text()
    graph.write_bytes((folder / "networks" / "small" / "layers.onnx").read_bytes())
    assert _estimate(layers, "U250", tmp_path).verdict == FITS


INTERRUPTED = """
import os, signal
from finn_build.exploration import all_pairs
from radioml.cli import main

def until_a_pair_is_done(*arguments, show, **options):
    return estimate_all(*arguments, show=lambda *_: os.killpg(0, signal.SIGINT), **options)

estimate_all, all_pairs.estimate_all = all_pairs.estimate_all, until_a_pair_is_done
if __name__ == "__main__":
    main()
"""
"""Ctrl-C in a terminal, which all processes of the command get, when the first pair is done."""


def test_interrupted_run_keeps_what_is_done(configs, tmp_path):
    out, home = tmp_path / "out", tmp_path / "home"
    home.mkdir()
    (tmp_path / "script.py").write_text(INTERRUPTED)
    command = [sys.executable, tmp_path / "script.py", "estimate", *map(str, configs[:2]), "--out", str(out)]
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        command, cwd=home, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, check=False,
    )  # fmt: skip
    assert done.returncode == 130
    assert "the same command continues" in done.stdout
    assert "Traceback" not in done.stdout
    cached = list(out.glob("cells/*/*.json"))
    assert 0 < len(cached) < 14
    assert all(read_json(path)["value"]["verdict"] for path in cached)
    assert not (out / "estimate_all.json").exists()


def test_nothing_chosen_and_unknown_names_are_user_errors(radioml_here, tmp_path):
    for arguments, message in (
        ([], "give --all"),
        (["--board", "ZCU105"], "unknown board 'ZCU105'"),
        (["--config", "nonesuch"], "nonesuch: no such experiment"),
    ):
        done = radioml_here("estimate", *arguments)
        assert done.returncode == 2
        assert message in done.stderr
        assert list(tmp_path.iterdir()) == []
