from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from typer.testing import CliRunner

import radioml.cli.training  # noqa: F401  (registers the commands)
from radioml.cli import app
from radioml.errors import RadioMLError
from training.checkpoint import load_checkpoint
from training.export import export
from training.score import BASELINE_BIT_MEM, BASELINE_BIT_OPS, score_model


def test_the_reference_export_scores_exactly_one(reference: Path):
    score = score_model(reference / "pretrained_VGG10_w8a8_20_export.onnx")
    assert (score.bit_ops, score.bit_mem, score.score) == (807_699_904, 1_244_936, 1.0)
    assert not score.unsupported


def test_our_export_of_the_baseline_scores_exactly_one(reference: Path, tmp_path: Path):
    model = export(reference / "pretrained_VGG10_w8a8_20.pth", tmp_path, "vgg10")
    score = score_model(model)
    assert (score.bit_ops, score.bit_mem, score.score) == (BASELINE_BIT_OPS, BASELINE_BIT_MEM, 1.0)


def test_the_breakdown_follows_from_the_topology(small_checkpoint: Path, tmp_path: Path):
    score = score_model(export(small_checkpoint, tmp_path))
    state = load_checkpoint(small_checkpoint).network
    zeros = [int((m.quant_weight().value == 0).sum()) for m in (state.features[0], state.features[3], state.classifier)]
    # weights: 16 x 8 x 3, 8 x 8 x 3, 128 x 24; each is used once for every one of 64, 16, 1 positions
    for layer, weights, positions, input_bits, zero in zip(
        score.layers, (384, 192, 3072), (64, 16, 1), (8, 4, 4), zeros, strict=True
    ):
        alive = weights - zero
        assert layer.bit_mem == pytest.approx(4 * alive)
        assert layer.macs == pytest.approx(alive * positions)
        assert layer.bit_ops == pytest.approx(alive * positions * input_bits * 4)
    assert score.bit_ops == pytest.approx(sum(layer.bit_ops for layer in score.layers))
    assert score.bit_mem == pytest.approx(sum(layer.bit_mem for layer in score.layers))


def _with_operation(source: Path, target: Path, operation: str) -> None:
    model = onnx.load(source)
    last = model.graph.node[-1]
    last.output[0] = "before"
    model.graph.node.append(helper.make_node(operation, ["before"], ["logits"]))
    onnx.save(model, target)


def test_an_unsupported_operation_is_named_and_fails(small_checkpoint: Path, tmp_path: Path):
    model = export(small_checkpoint, tmp_path / "train")
    _with_operation(model, tmp_path / "abs.onnx", "Abs")
    assert score_model(tmp_path / "abs.onnx").unsupported == {"Abs": 1}
    result = CliRunner().invoke(app, ["score", str(tmp_path / "abs.onnx")])
    assert result.exit_code == 1 and "1 Abs" in result.output
    _with_operation(model, tmp_path / "relu.onnx", "Relu")
    assert score_model(tmp_path / "relu.onnx").zero_cost["Relu"] == 3


def test_another_input_shape_is_refused(tmp_path: Path):
    x = helper.make_tensor_value_info("x", 1, (1, 2, 512))
    y = helper.make_tensor_value_info("y", 1, (1, 2, 512))
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx")
    with pytest.raises(RadioMLError, match=r"rules ask for \(1, 2, 1024\)"):
        score_model(tmp_path / "m.onnx")


def test_the_score_is_relative_to_the_baseline():
    from training.score import Score

    half = Score(BASELINE_BIT_OPS // 2, BASELINE_BIT_MEM, (), {}, {})
    assert np.isclose(half.score, 0.75)
