from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

import radioml.cli.commands.training  # noqa: F401  (registers the commands)
from radioml.cli import app
from radioml.contract.metadata import load_exported
from radioml.errors import RadioMLError
from radioml.files import sha256
from training.cost.score import BASELINE_BIT_MEM, BASELINE_BIT_OPS, billed, score_model
from training.trained.checkpoint import load_checkpoint
from training.trained.export import export


def test_the_reference_export_scores_exactly_one(published_network: Path):
    score = score_model(published_network / "pretrained_VGG10_w8a8_20_export.onnx")
    assert (score.bit_ops, score.bit_mem, score.score) == (807_699_904, 1_244_936, 1.0)
    assert not score.unsupported


def test_our_export_of_the_baseline_scores_exactly_one(published_network: Path, tmp_path: Path):
    model = export(published_network / "pretrained_VGG10_w8a8_20.pth", tmp_path, "vgg10")
    score = score_model(model)
    assert (score.bit_ops, score.bit_mem, score.score) == (BASELINE_BIT_OPS, BASELINE_BIT_MEM, 1.0)
    kept = tmp_path / "checkpoint.pth"
    assert load_checkpoint(kept).topology == "vgg10"  # bare weights become a checkpoint that says what it is
    assert load_exported(model)[1].checkpoint_sha256 == sha256(kept)


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
    half = billed(BASELINE_BIT_OPS // 2, BASELINE_BIT_MEM, (), (), {}, {})
    assert np.isclose(half.score, 0.75)


def _quantised_matmul() -> onnx.ModelProto:
    """iq -> Quant -> MatMul with 1024 x 24 -> logits."""
    values = {"w": np.ones((1024, 24)), "s": 1.0, "z": 0.0, "b": 4.0}
    nodes = [
        helper.make_node("Quant", ["iq", "s", "z", "b"], ["q"], "quant", domain="qonnx.custom_op.general",
                         signed=1, narrow=0, rounding_mode="ROUND"),
        helper.make_node("MatMul", ["q", "w"], ["logits"], "dense"),
    ]  # fmt: skip
    tensors = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in values.items()]
    ends = [[helper.make_tensor_value_info(*end)] for end in (("iq", 1, (1, 2, 1024)), ("logits", 1, (1, 2, 24)))]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("qonnx.custom_op.general", 1)]
    return helper.make_model(helper.make_graph(nodes, "g", *ends, tensors), opset_imports=opsets)


def test_a_model_of_others_is_scored(tmp_path: Path):
    onnx.save(_quantised_matmul(), tmp_path / "good.onnx")
    assert score_model(tmp_path / "good.onnx").bit_ops == 2 * 1024 * 24 * 4 * 32


def _undefined(model: onnx.ModelProto) -> None:
    model.graph.node[1].input[0] = "nowhere"


def _undefined_scale(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[1] = "nowhere"


def _other_shape(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((1000, 24), np.float32), "w"))


def _cycle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "back"
    model.graph.node.insert(1, helper.make_node("Relu", ["q"], ["back"]))


def _external(location: str) -> Callable[[onnx.ModelProto], None]:
    def make(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return make


def _unknown_domain(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    model.graph.node[1].op_type, model.graph.node[1].domain = "Magic", "com.example"


def _huge(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.asarray([10**12]), "size"))
    model.graph.node.append(helper.make_node("ConstantOfShape", ["size"], ["huge"]))


def _no_input(model: onnx.ModelProto) -> None:
    del model.graph.input[:]
    model.graph.initializer.append(numpy_helper.from_array(np.ones((1, 2, 1024), np.float32), "iq"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_undefined, "not a valid ONNX graph: .*nowhere"),
        (_undefined_scale, "not a valid ONNX graph: .*nowhere"),
        (_other_shape, "not a valid ONNX graph: .*MatMul"),
        (_cycle, "not a valid ONNX graph: .*back"),
        (_external("absent.data"), "not a readable ONNX file: .*absent.data"),
        (_external("../outside.data"), r"not a readable ONNX file: .*outside\.data"),
        (_unknown_domain, r"operations of unknown domains: 1 Magic \(com\.example\)"),
        (_huge, "tensor 'huge' has 1,000,000,000,000 elements"),
        (_no_input, "not an ONNX model, or one without input"),
    ],
)
def test_a_broken_model_has_no_score(spoil: Callable, message: str, tmp_path: Path):
    model = _quantised_matmul()
    spoil(model)
    (tmp_path / "broken.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(RadioMLError, match=f"broken.onnx: {message}"):
        score_model(tmp_path / "broken.onnx")


@pytest.mark.parametrize("name", [b"MatMul", b"quant", b"qonnx.custom_op", b"logits"])
def test_a_damaged_name_is_no_traceback(name: bytes, tmp_path: Path):
    content = _quantised_matmul().SerializeToString()
    (tmp_path / "damaged.onnx").write_bytes(content.replace(name, b"\xff" + name[1:], 1))
    with pytest.raises(RadioMLError, match=r"damaged\.onnx: "):
        score_model(tmp_path / "damaged.onnx")


def test_a_model_that_is_not_exported_yet_is_answered_with_the_command(tmp_path: Path):
    train = tmp_path / "my run" / "train"
    with pytest.raises(RadioMLError, match=r"model\.onnx: no such file$"):
        score_model(train / "model.onnx")
    train.mkdir(parents=True)
    (train / "checkpoint.pth").touch()
    with pytest.raises(RadioMLError, match=r"no such file; `radioml export '.*/checkpoint\.pth' --run '.*/my run'`"):
        score_model(train / "model.onnx")


def test_the_score_does_not_replace_its_model(tmp_path: Path):
    onnx.save(_quantised_matmul(), tmp_path / "m.onnx")
    before = (tmp_path / "m.onnx").read_bytes()
    result = CliRunner().invoke(app, ["score", str(tmp_path / "m.onnx"), f"--json={tmp_path / 'm.onnx'}"])
    assert isinstance(result.exception, RadioMLError) and "would overwrite an input of the command" in str(
        result.exception
    )
    assert (tmp_path / "m.onnx").read_bytes() == before
