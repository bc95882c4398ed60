"""One small network in every dialect and with every habit of exporters: the integers are always the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from radioml.contract.metadata import ImportOptions
from radioml.contract.quantiser import InputQuantiser
from radioml.data.synthetic import generate_spread
from radioml.foreign.importing import Network, import_network
from radioml.network.exact_qonnx import ExactQonnx, logits_as_integers
from radioml.network.integer_qonnx import IntegerQonnx
from radioml.network.onnx_graph import check_graph
from tests.networks import FinnWriter, GraphWriter, QcdqWriter

FRAMES = 16
SEED = 3


def written(writer: GraphWriter) -> onnx.ModelProto:
    writer.small_network()
    return writer.model()


@pytest.fixture(scope="module")
def iq() -> np.ndarray:
    return generate_spread(FRAMES, 1).iq


@pytest.fixture(scope="module")
def expected(iq: np.ndarray) -> np.ndarray:
    """Logits of the network as our own exports write it, node by node."""
    return ExactQonnx(written(GraphWriter(SEED)))(iq)


@pytest.fixture
def imported(tmp_path: Path) -> Callable[..., Network]:
    def run(model: onnx.ModelProto, **options: object) -> Network:
        path = tmp_path / "theirs.onnx"
        path.write_bytes(model.SerializeToString())
        return import_network(path, ImportOptions(**options))

    return run


def check(network: Network, iq: np.ndarray, expected: np.ndarray) -> None:
    """Model and reference, one frame and many, give the expected logits in integers."""
    check_graph(network.model)
    shapes = [
        (value.name, tuple(d.dim_value for d in value.type.tensor_type.shape.dim))
        for value in (network.model.graph.input[0], network.model.graph.output[0])
    ]
    assert shapes == [("iq", (1, 2, 1024)), ("logits", (1, 24))]
    integers = np.rint(expected / network.logit_scale)
    assert len(np.unique(integers, axis=0)) > FRAMES // 2
    samples = network.quantiser.dequantise(network.quantiser(iq))
    many = logits_as_integers(IntegerQonnx(network.model)(samples), network.logit_scale)
    np.testing.assert_array_equal(many, integers)
    reference = ExactQonnx(network.reference)
    for frame, wanted in zip(samples[:4], integers, strict=False):
        np.testing.assert_array_equal(logits_as_integers(reference(frame[None]), network.logit_scale)[0], wanted)


DIALECTS = {
    "QONNX": lambda: GraphWriter(SEED),
    "Quant of onnx.brevitas, opset 9": lambda: GraphWriter(SEED, 9, "onnx.brevitas"),
    "Quant of no domain, opset 11": lambda: GraphWriter(SEED, 11, ""),
    "Quant of a domain of its own, opset 17": lambda: GraphWriter(SEED, 17, "my.quantisers"),
    "QCDQ, opset 13": lambda: QcdqWriter(SEED, 13),
    "QCDQ, opset 21": lambda: QcdqWriter(SEED, 21),
    "FINN, opset 9": lambda: FinnWriter(SEED),
    "FINN without annotations": lambda: FinnWriter(SEED, annotated=False),
    "FINN of another domain": lambda: FinnWriter(SEED, 11, "finn.custom_op.general"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_gives_the_same_integers(
    dialect: str, imported: Callable[..., Network], iq: np.ndarray, expected: np.ndarray
):
    network = imported(written(DIALECTS[dialect]()))
    assert network.quantiser == InputQuantiser(8, 1 / 64)
    check(network, iq, expected)
    constants = {tensor.name for tensor in network.model.graph.initializer}
    weights = [node for node in network.model.graph.node if node.op_type == "Quant" and node.input[0] in constants]
    assert len(weights) == 3, "each layer's weights are quantised, for the score and for FINN"


def _listed_as_inputs(model: onnx.ModelProto) -> None:
    for tensor in model.graph.initializer:
        value = helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        model.graph.input.insert(0, value)


def _twice(model: onnx.ModelProto) -> None:
    model.graph.initializer.extend(list(model.graph.initializer))


def _batch(size: int | str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        for value in (model.graph.input[0], model.graph.output[0]):
            dimension = value.type.tensor_type.shape.dim[0]
            dimension.Clear()
            if isinstance(size, str):
                dimension.dim_param = size
            else:
                dimension.dim_value = size

    return change


def _constants_as_nodes(model: onnx.ModelProto) -> None:
    nodes = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in model.graph.initializer]
    del model.graph.initializer[:]
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *rest])


def _names_of_the_contract_elsewhere(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [{"iq": "input.1", "t3_0": "iq", "t6_0": "logits"}.get(name, name) for name in names]
    model.graph.input[0].name = "input.1"


HABITS = {
    "initialisers listed as inputs": _listed_as_inputs,
    "initialisers twice": _twice,
    "a batch with a name": _batch("N"),
    "a batch of no size": _batch(0),
    "a batch of 32": _batch(32),
    "constants as nodes": _constants_as_nodes,
    "our names for other tensors": _names_of_the_contract_elsewhere,
}


@pytest.mark.parametrize("habit", HABITS)
def test_habits_of_exporters_change_nothing(
    habit: str, imported: Callable[..., Network], iq: np.ndarray, expected: np.ndarray
):
    model = written(GraphWriter(SEED))
    HABITS[habit](model)
    check(imported(model), iq, expected)


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
