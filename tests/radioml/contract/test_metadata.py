"""A model's metadata: as strict as the manifest of a package."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from radioml.constants import CLASSES
from radioml.contract.accuracy import TrainedAccuracy
from radioml.contract.metadata import ModelMetadata, attach, load_exported, load_onnx
from radioml.contract.quantiser import InputQuantiser
from radioml.contract.training_data import TrainingData
from radioml.errors import RadioMLError
from tests.radioml.reading.damage import damaged

METADATA = ModelMetadata(
    "polyphase", CLASSES, InputQuantiser(8, 1 / 64), 0.125, "0" * 64, TrainingData("synthetic"), TrainedAccuracy(0.5)
)


def _model() -> onnx.ModelProto:
    """A small network of the contract's shapes: the means of I and Q times weights."""
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [2, 24], [0.5] * 48)
    nodes = [
        helper.make_node("ReduceMean", ["iq"], ["means"], axes=[2], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["logits"]),
    ]
    iq = helper.make_tensor_value_info("iq", TensorProto.FLOAT, [1, 2, 1024])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 24])
    graph = helper.make_graph(nodes, "network", [iq], [logits], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    attach(model, METADATA)
    return model


def test_round_trip(tmp_path: Path):
    model = _model()
    onnx.save(model, str(tmp_path / "model.onnx"))
    assert load_exported(tmp_path / "model.onnx")[1] == METADATA


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "metadata format 2, this tool reads 1"),
        ({"topology": None}, "metadata: topology cannot be None"),
        ({"classes": "OOK"}, "metadata: classes cannot be 'OOK'"),
        ({"classes": []}, "metadata: classes cannot be empty"),
        ({"classes": ["OOK", 4]}, "metadata: classes[1] cannot be 4"),
        ({"quantiser": {"bits": 8}}, "metadata: quantiser.scale is missing"),
        ({"quantiser": {"bits": 8.0, "scale": 1}}, "metadata: quantiser.bits cannot be 8.0"),
        ({"quantiser": {"bits": 8, "scale": -1}}, "metadata: quantiser: input quantiser: scale -1"),
        ({"logit_scale": "1"}, "metadata: logit_scale cannot be '1'"),
        ({"logit_scale": 0}, "metadata: logit_scale cannot be 0"),
        ({"logit_scale": float("nan")}, "metadata: logit_scale cannot be nan"),
        ({"checkpoint_sha256": 5}, "metadata: checkpoint_sha256 cannot be 5"),
        ({"training_data": []}, "metadata: training_data is []; expected kind"),
        ({"accuracy": 0.5}, "metadata: accuracy is 0.5; expected overall"),
        ({"colour": "blue"}, "metadata: colour is unknown"),
    ],
)
def test_metadata_that_make_no_sense_are_refused(changes: dict[str, Any], message: str, tmp_path: Path):
    model = _model()
    model.metadata_props[0].value = json.dumps(json.loads(METADATA.to_json()) | changes)
    onnx.save(model, str(tmp_path / "model.onnx"))
    with pytest.raises(RadioMLError, match=rf"model\.onnx: {re.escape(message)}.*; export the checkpoint again"):
        load_exported(tmp_path / "model.onnx")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "5", "[" * 99_999])
def test_metadata_that_are_no_object(text: str, tmp_path: Path):
    model = _model()
    model.metadata_props[0].value = text
    onnx.save(model, str(tmp_path / "model.onnx"))
    with pytest.raises(RadioMLError, match=r"model\.onnx: "):
        load_exported(tmp_path / "model.onnx")


def test_a_damaged_model_is_refused_or_read(tmp_path: Path):
    path = tmp_path / "model.onnx"
    for changed in damaged(_model().SerializeToString(), flips=600):
        path.write_bytes(changed)
        for read in (load_onnx, load_exported):
            try:
                read(path)
            except RadioMLError as error:
                assert str(error).startswith(f"{path}: ")
