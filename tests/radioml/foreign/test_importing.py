"""Networks of others with outputs, shapes, quantisers and biases that the import has to bring into its form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from radioml.contract.metadata import ImportOptions
from radioml.foreign.importing import Network, import_network
from radioml.network.exact_qonnx import ExactQonnx
from radioml.network.integer_qonnx import IntegerQonnx
from tests.networks import GraphWriter, QcdqWriter
from tests.radioml.foreign.their_network import SEED, check, written


def test_weights_whose_quantiser_was_computed_by_the_exporter(
    imported: Callable[..., Network], iq: np.ndarray, expected: np.ndarray
):
    class Folded(GraphWriter):
        def layer(self, operation: str, shape: tuple, bits: int = 4, **attributes: object) -> None:
            integers, scale = self.weights(shape, bits, False)
            self.node(operation, self.tensor, self.constant(integers * scale), **attributes)
            self.channels = shape[0]

    network = imported(written(Folded(SEED)))
    check(network, iq, expected)
    assert [remark.partition(":")[2] for remark in network.remarks] == [
        " its weights are taken as quantised to 4 bits, by their values"
    ] * 3


def test_one_of_several_outputs(imported: Callable[..., Network], iq: np.ndarray, expected: np.ndarray):
    model = written(GraphWriter(SEED))
    inner = model.graph.node[5].output[0]
    model.graph.output.insert(0, helper.make_tensor_value_info(inner, TensorProto.FLOAT, [1, None, None]))
    with pytest.raises(Exception, match=rf"2 outputs \('{inner}', '{model.graph.output[1].name}'\); say with --output"):
        imported(model)
    check(imported(model, output=model.graph.output[1].name), iq, expected)


@pytest.mark.parametrize("tail", ["Softmax", "LogSoftmax", "ArgMax", "Unsqueeze"])
def test_what_stands_behind_the_logits_is_left_out(
    tail: str, imported: Callable[..., Network], iq: np.ndarray, expected: np.ndarray
):
    write = GraphWriter(SEED)
    write.small_network()
    if tail == "Unsqueeze":
        write.node("Unsqueeze", write.tensor, write.constant([2], np.int64))
    else:
        write.node(tail, write.tensor, axis=1)
    model = write.model()
    model.graph.output[0].type.CopyFrom(
        helper.make_tensor_type_proto(TensorProto.INT64 if tail == "ArgMax" else TensorProto.FLOAT, [None] * 2)
    )
    if tail == "Unsqueeze":
        model.graph.output[0].type.tensor_type.shape.dim.add()
    check(imported(model), iq, expected)


def with_head(write: GraphWriter) -> None:
    """A global pool, and a shape computed from the input's shape, as PyTorch exports `view(x.shape[0], -1)`."""
    write.quant(1 / 64, 8, signed=True)
    write.convolution(8, 5, strides=[4])
    write.batch_norm()
    write.activation()
    pooled = write.node("GlobalMaxPool", write.tensor)
    axes = {"axes": [0]} if write.opset < 13 else {}
    shape = write.node("Shape", pooled)
    first = write.node("Gather", shape, write.constant(0, np.int64), axis=0)
    wide = write.node("Unsqueeze", first, *([] if axes else [write.constant([0], np.int64)]), **axes)
    target = write.node("Concat", wide, write.constant([-1], np.int64), axis=0)
    write.node("Reshape", pooled, target)
    write.layer("Gemm", (24, 8), transB=1)


@pytest.mark.parametrize("opset", [9, 11, 13, 18])
def test_global_pools_and_computed_shapes(opset: int, imported: Callable[..., Network], iq: np.ndarray):
    plain = GraphWriter(SEED)
    plain.quant(1 / 64, 8, signed=True)
    plain.convolution(8, 5, strides=[4])
    plain.batch_norm()
    plain.activation()
    plain.node("MaxPool", plain.tensor, kernel_shape=[256])
    plain.classifier(8)
    write = GraphWriter(SEED, opset)
    with_head(write)
    network = imported(write.model())
    check(network, iq, ExactQonnx(plain.model())(iq))
    assert {node.op_type for node in network.model.graph.node} == {
        "Quant", "Conv", "BatchNormalization", "Relu", "MaxPool", "Flatten", "Gemm",
    }  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 1024, 2), (1, 2, 1024, 1), (1, 1, 2, 1024), (1, 1, 1024, 2)])
def test_other_arrangements_of_a_frame(shape: tuple, imported: Callable[..., Network], iq: np.ndarray):
    plain = GraphWriter(SEED)
    plain.quant(1 / 64, 8, signed=True)
    flat = {(1, 1024, 2), (1, 1, 1024, 2)}
    if shape in flat:
        plain.node("Transpose", plain.tensor, perm=[0, 2, 1])
    plain.classifier(2048)
    write = GraphWriter(SEED)
    write.input_shape = shape
    write.quant(1 / 64, 8, signed=True)
    write.classifier(2048)
    check(imported(write.model()), iq, ExactQonnx(plain.model())(iq))


def test_samples_that_the_file_does_not_quantise(
    imported: Callable[..., Network], iq: np.ndarray, expected: np.ndarray
):
    class Unquantised(GraphWriter):
        def quant(self, scale: object, bits: int, **options: object) -> str:
            first = self.tensor == "iq" and not options.get("of")
            return "iq" if first else super().quant(scale, bits, **options)

    model = written(Unquantised(SEED))
    with pytest.raises(
        Exception, match=r"nothing quantises its input first\. Describe the host's quantiser: --input-bits"
    ):
        imported(model)
    check(imported(model, input_bits=8, input_scale=1 / 64), iq, expected)


def test_a_quantiser_around_128_is_the_hosts(imported: Callable[..., Network], iq: np.ndarray, expected: np.ndarray):
    model = written(QcdqWriter(SEED, 13))
    zero = next(t for t in model.graph.initializer if t.name == model.graph.node[0].input[2])
    zero.CopyFrom(numpy_helper.from_array(np.array(128, np.uint8), zero.name))
    check(imported(model), iq, expected)


def test_weights_in_a_file_beside_the_model(tmp_path: Path, iq: np.ndarray, expected: np.ndarray):
    onnx.save(
        written(GraphWriter(SEED)), tmp_path / "m.onnx", save_as_external_data=True, location="m.onnx.data",
        size_threshold=0,
    )  # fmt: skip
    assert (tmp_path / "m.onnx.data").is_file()
    check(import_network(tmp_path / "m.onnx", ImportOptions()), iq, expected)


def test_a_bias_that_is_no_step_of_the_logits(imported: Callable[..., Network], iq: np.ndarray):
    write = GraphWriter(SEED)
    write.quant(1 / 64, 8, signed=True)
    write.node("Flatten", write.tensor, axis=1)
    write.layer("Gemm", (24, 2048), bias=True, transB=1)
    model = write.model()
    with pytest.raises(Exception, match=r"Gemm 't3_0': its bias is not a multiple of 0\.\d+, .* --round-bias moves it"):
        imported(model)
    network = imported(model, round_bias=True)
    assert "its bias is rounded to steps of the logits, by up to 0." in network.remarks[0]
    unrounded = ExactQonnx(model)(iq)
    assert np.abs(ExactQonnx(network.reference)(iq) - unrounded).max() <= 0.501 * network.logit_scale
    check(network, iq, ExactQonnx(network.reference)(iq))


def test_a_file_in_standard_operations_is_what_onnxruntime_computes(
    tmp_path: Path, imported: Callable[..., Network], iq: np.ndarray
):
    """onnxruntime has nothing in common with our evaluator, and computes in single precision."""
    import onnxruntime

    model = written(QcdqWriter(SEED, 13))
    network = imported(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = np.concatenate([session.run(None, {"iq": frame.T[None]})[0] for frame in iq])
    ours = IntegerQonnx(network.model)(network.quantiser.dequantise(network.quantiser(iq)))
    assert np.isclose(found, ours, rtol=1e-4, atol=network.logit_scale / 4).all(1).mean() > 0.8
