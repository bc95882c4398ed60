"""A network of others through all stages: imported, scored, evaluated, estimated, and verified against its file."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from radioml.contract.ladder import LadderReport
from radioml.data.synthetic import write_dataset
from tests.networks import QcdqWriter

pytestmark = pytest.mark.rtl


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write = QcdqWriter(3, 13)
    write.small_network()
    onnx.save(write.model(), tmp_path / "theirs.onnx")
    write_dataset(tmp_path / "frames.hdf5", 4, seed=4, processes=1)
    return tmp_path


def run(radioml_here: Callable, command: str, code: int = 0) -> str:
    done = radioml_here(*shlex.split(command))
    assert done.returncode == code, (command, done.stdout, done.stderr)
    return done.stdout + done.stderr


@pytest.mark.rtl
def test_an_import_is_a_run_like_others(radioml_here: Callable, home: Path):
    said = run(radioml_here, "import theirs.onnx --run runs/theirs --classes standard")
    assert "26 of 26 frames integer-equal to the file's own graph; input 8 bits with steps of 0.015625" in said
    assert "hardly better than guessing" in said
    run(radioml_here, "score runs/theirs/train/model.onnx")
    said = run(radioml_here, "evaluate runs/theirs/train/model.onnx --data frames.hdf5")
    assert "the QONNX graph in exact integers, imported" in said
    run(radioml_here, "build runs/theirs/train/model.onnx --board ZCU104 --until estimate")
    said = run(radioml_here, "verify runs/theirs/build/ZCU104 --frames 4")
    assert "each rung against the imported network" in said and "rungs give the network's integers" in said
    report = LadderReport.read(home / "runs" / "theirs" / "build" / "ZCU104" / "verify.json")
    assert report.reference == "the imported network" and report.equal
    assert len(report.rungs[0].layers_compared) == 3, "two activations and the logits"

    other = onnx.load(home / "theirs.onnx")
    weights = max(other.graph.initializer, key=lambda tensor: numpy_helper.to_array(tensor).size)
    weights.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(weights), weights.name))
    onnx.save(other, home / "other.onnx")
    said = run(radioml_here, "verify runs/theirs/build/ZCU104 --frames 4 --checkpoint other.onnx", 2)
    assert "other.onnx: not the file that this model was made from" in said


def test_what_others_made_is_named_where_ours_is_asked_for(radioml_here: Callable, home: Path):
    said = run(radioml_here, "build theirs.onnx --board ZCU104 --check", 2)
    assert "To use an ONNX file of others: `radioml import theirs.onnx --run RUN`" in said
