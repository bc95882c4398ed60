from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from radioml.constants import CLASSES
from radioml.contract.metadata import load_exported
from radioml.contract.training_data import TrainingData
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from radioml.files import sha256
from radioml.network.exact_qonnx import ExactQonnx
from radioml.reading.text import read_json
from training.trained.checkpoint import TrainedNetwork, load_checkpoint, save_checkpoint
from training.trained.export import compare, export
from training.trained.reference import IntegerNetwork, integer_logits
from training.trained.trained_run import open_trained_run

pytestmark = pytest.mark.training


def test_export_keeps_the_contract(small_checkpoint: Path, tmp_path: Path):
    path = export(small_checkpoint, tmp_path / "train")
    _, metadata = load_exported(path)
    assert metadata.classes == CLASSES
    assert metadata.topology == "polyphase"
    assert metadata.training_data.kind == "synthetic"
    assert metadata.checkpoint_sha256 == sha256(small_checkpoint) == sha256(tmp_path / "train" / "checkpoint.pth")
    with np.load(tmp_path / "train" / "golden.npz", allow_pickle=False) as golden:
        assert golden["iq"].shape == (26, 1024, 2) and golden["logits"].shape == (26, 24)
        np.testing.assert_array_equal(integer_logits(small_checkpoint, golden["iq"]), golden["logits"])
        assert len(np.unique(golden["logits"], axis=0)) > 20, "the frames must not all look alike to the network"


@pytest.mark.parametrize("step", ["shutil.copyfile", "numpy.savez_compressed"])
def test_an_interrupted_export_leaves_no_new_model_beside_old_golden_frames(
    step: str, small_checkpoint: Path, lively: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "run" / "train"
    open_trained_run(_run_of(small_checkpoint, folder))
    trained = load_checkpoint(small_checkpoint)
    save_checkpoint(tmp_path / "other.pth", replace(trained, network=lively("polyphase", trained.parameters, seed=1)))

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(step, interrupt)
        export(tmp_path / "other.pth", folder)
    assert load_exported(folder / "model.onnx")[1].checkpoint_sha256 == sha256(small_checkpoint)
    opened = open_trained_run(folder.parent)
    assert load_exported(opened.model)[1].checkpoint_sha256 == sha256(opened.checkpoint)
    with np.load(folder / "golden.npz", allow_pickle=False) as golden:
        np.testing.assert_array_equal(integer_logits(opened.checkpoint, golden["iq"]), golden["logits"])
    assert read_json(folder / "score.json") == json.loads(json.dumps(opened.score.to_json()))


def test_a_score_of_another_model_does_not_stay(small_checkpoint: Path, tmp_path: Path):
    open_trained_run(_run_of(small_checkpoint, tmp_path / "run" / "train"))
    export(small_checkpoint, tmp_path / "run" / "train")
    assert not (tmp_path / "run" / "train" / "score.json").exists()


def _run_of(checkpoint: Path, folder: Path) -> Path:
    folder.mkdir(parents=True)
    shutil.copyfile(checkpoint, folder / "checkpoint.pth")
    return folder.parent


def test_integer_logits_are_the_float_network_in_steps(small_checkpoint: Path):
    frames = generate_spread(48, 3)
    network = load_checkpoint(small_checkpoint).network
    with torch.no_grad():
        logits = network(torch.from_numpy(frames.iq).permute(0, 2, 1)).numpy()
    integer = IntegerNetwork(network)
    # single precision may tip a rare activation next to a threshold, no more
    agree = np.isclose(integer(frames.iq) * integer.logit_scale, logits, atol=integer.logit_scale / 4).all(1)
    assert agree.mean() > 0.9


def _tie(scale: np.float32) -> np.float32 | None:
    """A weight whose quotient by `scale` is 2.5 in single precision, rounded to 2, and more than 2.5 in double."""
    weight = np.nextafter(np.float32(2.5) * scale, np.float32(0), dtype=np.float32)
    for _ in range(4):
        if np.float32(weight / scale) == 2.5 and float(weight) / float(scale) > 2.5:
            return weight
        weight = np.nextafter(weight, np.float32(np.inf), dtype=np.float32)
    return None


def test_weights_are_the_integers_of_single_precision(small_checkpoint: Path, tmp_path: Path):
    trained = load_checkpoint(small_checkpoint)
    layer = trained.network.features[0]
    scales = layer.quant_weight().scale.detach().numpy().ravel()
    ties = {channel: tie for channel, scale in enumerate(scales) if (tie := _tie(scale)) is not None}
    assert ties, "no channel has a scale for which the two precisions differ: the test shows nothing"
    with torch.no_grad():
        for channel, tie in ties.items():
            layer.weight[channel, 0, 0] = float(tie)
    integers = layer.quant_weight().int().numpy()
    assert all(integers[channel, 0, 0] == 2 for channel in ties)
    save_checkpoint(tmp_path / "tied.pth", trained)
    model, metadata = load_exported(export(tmp_path / "tied.pth", tmp_path))
    network = IntegerNetwork(trained.network)
    np.testing.assert_array_equal(
        np.rint(network.network.features[0].weight.detach().numpy() / scales[:, None, None].astype(float)), integers
    )
    frames = generate_spread(8, 5)
    steps = ExactQonnx(model)(frames.iq) / metadata.logit_scale
    np.testing.assert_allclose(steps, network(frames.iq), atol=1e-3)


def test_the_classifiers_bias_is_the_integer_of_single_precision(lively: Callable, tmp_path: Path):
    for filters in range(4, 12):  # until the scales are such that the two precisions differ
        parameters = {"filters": filters, "dense": 8}
        network = lively("vgg10", parameters)
        classifier = network.layers[-1]
        scale = network.layers[-2].act_quant.scale() * classifier.weight_quant.scale()
        tie = _tie(np.float32(scale.item()))
        if tie is not None:
            break
    else:
        pytest.fail("no network found for which the two precisions differ")
    with torch.no_grad():
        classifier.bias[0] = float(tie)
    save_checkpoint(tmp_path / "biased.pth", TrainedNetwork(network, "vgg10", parameters, TrainingData("none")))
    export(tmp_path / "biased.pth", tmp_path)  # compares the QONNX model with Brevitas


def test_the_comparison_catches_one_changed_weight(small_checkpoint: Path, tmp_path: Path):
    model, metadata = load_exported(export(small_checkpoint, tmp_path))
    frames = generate_spread(8, 5)
    expected = integer_logits(small_checkpoint, frames.iq)
    compare(model, frames.iq, expected, metadata.logit_scale)
    with pytest.raises(RadioMLError, match="not multiples"):
        compare(model, frames.iq, expected, metadata.logit_scale * 1.001)
    quant = [node for node in model.graph.node if node.op_type == "Quant"]
    names = {quant_input for node in quant for quant_input in node.input[:1]}
    weight = next(t for t in model.graph.initializer if t.name in names)
    values = numpy_helper.to_array(weight).copy()
    values.flat[np.abs(values).argmin()] = np.abs(values).max()
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    with pytest.raises(RadioMLError, match=r"differs from Brevitas: frame \d+, logit"):
        compare(model, frames.iq, expected, metadata.logit_scale)


def test_double_precision_executes_the_same_graph(small_checkpoint: Path, tmp_path: Path):
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx

    model, _ = load_exported(export(small_checkpoint, tmp_path))
    frame = generate_spread(1, 9).iq[0]
    single = execute_onnx(ModelWrapper(model), {"iq": frame.T[None].copy()})["logits"][0]
    np.testing.assert_allclose(ExactQonnx(model)(frame[None])[0], single, rtol=1e-4, atol=1e-4)


def test_foreign_models_are_refused(tmp_path: Path, published_network: Path):
    with pytest.raises(RadioMLError, match="metadata of `radioml export` are missing"):
        load_exported(published_network / "pretrained_VGG10_w8a8_20_export.onnx")


@pytest.mark.parametrize("content", [b"", b"nonsense" * 40])
def test_files_that_are_no_onnx_are_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(RadioMLError, match="ONNX"):
        load_exported(path)
    with pytest.raises(RadioMLError, match="no such file"):
        load_exported(tmp_path / "absent.onnx")


class _Trap:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_a_pickled_checkpoint_is_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("evil.pth").write_bytes(pickle.dumps(_Trap()))
    torch.save({"format": 1, "topology": _Trap()}, "evil2.pth")
    for name in ("evil.pth", "evil2.pth"):
        with pytest.raises(RadioMLError, match="not a checkpoint that can be loaded safely"):
            load_checkpoint(name)
    assert not Path("executed").exists()


def test_unfit_checkpoints_are_refused(small_checkpoint: Path, tmp_path: Path):
    with pytest.raises(RadioMLError, match="'polyphase', not 'vgg10'"):
        load_checkpoint(small_checkpoint, "vgg10")
    with pytest.raises(RadioMLError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "absent.pth")
    save_checkpoint(tmp_path / "a.pth", load_checkpoint(small_checkpoint))
    assert (tmp_path / "a.pth").read_bytes() == small_checkpoint.read_bytes()  # nothing but what it says
    truncated = tmp_path / "truncated.pth"
    truncated.write_bytes(small_checkpoint.read_bytes()[:5000])
    with pytest.raises(RadioMLError, match="not a checkpoint"):
        load_checkpoint(truncated)
    torch.save({"format": 1, "topology": "polyphase", "training_data": {}, "accuracy": {}}, tmp_path / "part.pth")
    with pytest.raises(RadioMLError, match=r"part\.pth: .* lacks parameters, state"):
        load_checkpoint(tmp_path / "part.pth")
    bare = tmp_path / "bare.pth"
    torch.save({"1.weight": torch.zeros(3)}, bare)
    with pytest.raises(RadioMLError, match="--topology"):
        load_checkpoint(bare)
    with pytest.raises(RadioMLError, match="do not fit topology 'vgg10'"):
        load_checkpoint(bare, "vgg10")


def _flip_a_byte(path: Path, checkpoint: Path) -> None:
    content = bytearray(checkpoint.read_bytes())
    with zipfile.ZipFile(checkpoint) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    content[largest.header_offset + 200] ^= 0x40  # of a weight, behind the entry's header and its padding to 64 bytes
    path.write_bytes(content)


def _with(**changes: object) -> Callable[[Path, Path], None]:
    def make(path: Path, checkpoint: Path) -> None:
        torch.save({**torch.load(checkpoint, weights_only=True), **changes}, path)

    return make


def _with_nan(path: Path, checkpoint: Path) -> None:
    value = torch.load(checkpoint, weights_only=True)
    value["state"]["features.0.weight"][0] = torch.nan
    torch.save(value, path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_flip_a_byte, "damaged: the check sum of .* is wrong"),
        (lambda path, _: path.touch(), "not a checkpoint that can be loaded safely: no file of torch.save"),
        (
            lambda path, _: path.write_text("hello"),
            "not a checkpoint that can be loaded safely: no file of torch.save",
        ),
        (
            lambda path, _: path.write_bytes(b"."),
            "not a checkpoint that can be loaded safely: no file of torch.save",
        ),
        (
            lambda path, _: torch.save(print, path),
            "not a checkpoint .* safely: .* holds more than tensors and plain values",
        ),
        (_with(state=[torch.zeros(3)]), "its weights are not tensors with names"),
        (_with(state={"classifier.weight": 3}), "its weights are not tensors with names"),
        (_with(training_data="synthetic"), "not a checkpoint .*: its training_data is of another type"),
        (_with(parameters=[8]), "not a checkpoint .*: its parameters is of another type"),
        (_with(topology=None), "not a checkpoint .*: its topology is of another type"),
        (_with_nan, r"features\.0\.weight have NaN or infinite weights"),
    ],
)
def test_a_damaged_or_foreign_checkpoint_is_refused(
    make: Callable, message: str, small_checkpoint: Path, tmp_path: Path
):
    make(tmp_path / "wrong.pth", small_checkpoint)
    with pytest.raises(RadioMLError, match=rf"wrong\.pth: {message}") as error:
        load_checkpoint(tmp_path / "wrong.pth")
    assert "weights_only" not in str(error.value)


def test_the_model_is_valid_onnx(small_checkpoint: Path, tmp_path: Path):
    model, _ = load_exported(export(small_checkpoint, tmp_path))
    assert [value.name for value in model.graph.input] == ["iq"]
    assert {n.op_type for n in model.graph.node} >= {"Quant", "Conv", "MatMul"}
    assert onnx.load_from_string(model.SerializeToString()) == model
