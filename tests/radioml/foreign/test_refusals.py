"""Files without a network that can be computed exactly: every problem has a message, none a traceback."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from radioml.contract.metadata import ImportOptions
from radioml.errors import RadioMLError
from radioml.foreign.importing import import_network
from tests.networks import FinnWriter, GraphWriter, QcdqWriter


def small() -> GraphWriter:
    write = GraphWriter(1)
    write.quant(1 / 64, 8, signed=True)
    write.node("Flatten", write.tensor, axis=1)
    write.layer("Gemm", (24, 2048), transB=1)
    return write


def change(model: onnx.ModelProto, name: str, edit: Callable[[np.ndarray], object]) -> onnx.ModelProto:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    value = numpy_helper.to_array(tensor).copy()
    edited = edit(value)
    tensor.CopyFrom(numpy_helper.from_array(value if edited is None else np.asarray(edited), name))
    return model


def refused(model: onnx.ModelProto, tmp_path: Path, **options: object) -> str:
    path = tmp_path / "bad.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(RadioMLError) as error:
        import_network(path, ImportOptions(**options))
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n\n" not in message
    return message.removeprefix(f"{path}: ")


def _nan(value: np.ndarray) -> None:
    value.flat[[3, 5]] = np.nan


def _infinite(value: np.ndarray) -> None:
    value.flat[7] = np.inf


def test_every_problem_has_a_line(tmp_path: Path):
    write = small()
    weights = write.nodes[2].input[0]
    write.node("LSTM", write.tensor)
    write.node("Einsum", write.tensor, equation="ij->ij")
    write.node("Einsum", write.tensor, equation="ij->ij")
    write.quant(1.0, 8)
    write.nodes[-1].op_type = "FloatQuant"
    message = refused(change(write.model(), weights, _nan), tmp_path)
    assert message.splitlines() == [
        "cannot be imported:",
        "  LSTM ('t4_0'): recurrent layers are not computed on integers",
        "  Einsum ('t5_0', 't6_0'): an operation that cannot be imported",
        "  FloatQuant ('t7_0'): a quantiser whose levels are not evenly spaced; integers need a uniform one",
        f"  constant {weights!r}, which Quant 't2_0' reads: 2 of 49,152 numbers are NaN",
    ]


def test_infinite_weights(tmp_path: Path):
    write = small()
    assert "1 of 49,152 numbers are infinite" in refused(
        change(write.model(), write.nodes[2].input[0], _infinite), tmp_path
    )


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (1, -0.5, "Quant 't2_0': a scale of -0.5; it must be above 0"),
        (3, 2.5, "Quant 't2_0': 2.5 bits; 1 to 32 make a quantiser"),
        (3, 64.0, "Quant 't2_0': 64 bits; 1 to 32 make a quantiser"),
    ],
)
def test_quantisers_that_are_none(place: int, value: float, message: str, tmp_path: Path):
    write = small()
    model = change(write.model(), write.nodes[2].input[place], lambda _: np.float32(value))
    assert message in refused(model, tmp_path)


def test_thresholds_that_are_not_evenly_spaced(tmp_path: Path):
    write = FinnWriter(1)
    write.small_network()
    table = next(node for node in write.nodes[5:] if node.op_type == "MultiThreshold").input[1]
    model = change(write.model(), table, lambda value: value * np.linspace(1, 1.2, value.size))
    assert "MultiThreshold 't7_0': its 15 thresholds are not those of a uniform quantiser" in refused(model, tmp_path)


def test_a_clip_that_is_no_width(tmp_path: Path):
    write = QcdqWriter(1, 13)
    write.small_network()
    _, clip, *_ = (node for node in write.nodes if node.op_type == "Clip")  # the first is of weights
    model = change(write.model(), clip.input[2], lambda value: value - 2)
    assert "its bounds are not the range of an integer of any width" in refused(model, tmp_path)


@pytest.mark.parametrize("bounds", [0, 1])
def test_a_clip_with_a_bound_or_none(bounds: int, tmp_path: Path):
    """Where a Clip has no bound, the integers' type has one."""
    write = QcdqWriter(1, 13)
    write.small_network()
    _, clip, *_ = (node for node in write.nodes if node.op_type == "Clip")
    del clip.input[1 + bounds :]
    path = tmp_path / "clip.onnx"
    path.write_bytes(write.model().SerializeToString())
    assert import_network(path, ImportOptions()).classes == 24


def test_integers_that_nobody_quantised_back(tmp_path: Path):
    write = QcdqWriter(1, 13)
    write.quant(1 / 64, 8, signed=True)
    write.nodes[-1].op_type, write.nodes[-1].input[:] = "Cast", write.nodes[-1].input[:1]
    write.nodes[-1].attribute.append(helper.make_attribute("to", TensorProto.FLOAT))
    write.classifier(2048)
    message = refused(write.model(), tmp_path)
    assert "QuantizeLinear 't0_0': its integers are read by Cast 't1_0', no DequantizeLinear" in message


def test_logits_that_are_no_integers(tmp_path: Path):
    write = small()
    write.batch_norm()
    assert "BatchNormalization 't4_0' gives numbers that are not integers times one scale" in refused(
        write.model(), tmp_path
    )
    write = GraphWriter(1)
    write.quant(1 / 64, 8, signed=True)
    write.node("Flatten", write.tensor, axis=1)
    write.layer("Gemm", (24, 2048), per_channel=True, transB=1)
    assert "the weights of Gemm 't3_0': a scale for each channel, so integers of different logits" in refused(
        write.model(), tmp_path
    )
    write = GraphWriter(1)
    write.quant(1 / 64, 8, signed=True)
    write.node("Flatten", write.tensor, axis=1)
    write.node("Gemm", write.tensor, write.constant(write.random.normal(size=(2048, 24))))
    assert "Gemm 't2_0': its weights are not quantised" in refused(write.model(), tmp_path)


@pytest.mark.parametrize(
    ("quantiser", "message"),
    [
        ({"signed": False}, "is unsigned. Describe the host's quantiser: --input-bits"),
        ({"signed": True, "narrow": True}, r"leaves out the lowest level \(narrow range\)"),
        ({"signed": True, "rounding_mode": "FLOOR"}, r"rounds otherwise \(FLOOR\)"),
    ],
)
def test_input_quantisers_that_the_host_has_not(quantiser: dict, message: str, tmp_path: Path):
    write = GraphWriter(1)
    write.quant(1 / 64, 8, **quantiser)
    write.classifier(2048)
    path = tmp_path / "m.onnx"
    path.write_bytes(write.model().SerializeToString())
    with pytest.raises(RadioMLError, match=f"Quant 't0_0', which quantises its input, {message}"):
        import_network(path, ImportOptions())
    assert import_network(path, ImportOptions(input_bits=8, input_scale=1 / 64)).quantiser.bits == 8


def test_options_that_contradict_the_file(tmp_path: Path):
    message = refused(small().model(), tmp_path, input_bits=4)
    assert "the file quantises its input to 8 bits with steps of 0.015625; leave --input-bits" in message
    assert "no output 'scores'; there is 't3_0'" in refused(small().model(), tmp_path, output="scores")


def test_frames_of_another_shape(tmp_path: Path):
    write = GraphWriter(1)
    write.input_shape = (1, 2, 128)
    write.quant(1 / 64, 8, signed=True)
    write.classifier(256)
    assert "input 'iq' is (1, 2, 128); frames are 1024 I/Q samples, (1, 2, 1024)" in refused(write.model(), tmp_path)


def test_two_inputs(tmp_path: Path):
    model = small().model()
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))
    assert "2 inputs ('iq', 'mask'); a network for IQ frames has one" in refused(model, tmp_path)


def test_a_constant_twice_with_other_values(tmp_path: Path):
    write = small()
    model = write.model()
    model.graph.initializer.append(numpy_helper.from_array(np.float32(3), write.nodes[0].input[1]))
    assert "is there twice, with different values" in refused(model, tmp_path)


@pytest.mark.parametrize("opset", [1, 8])
def test_opsets_before_nine(opset: int, tmp_path: Path):
    write = small()
    write.opset = opset
    assert f"ONNX opset {opset}; 9 and later are read" in refused(write.model(), tmp_path)


def test_cycles(tmp_path: Path):
    model = small().model()
    model.graph.node[0].input[0] = model.graph.node[-1].output[0]
    assert "not a valid ONNX graph" in refused(model, tmp_path)


@pytest.mark.parametrize("location", ["/etc/passwd", "../weights.bin", "a/b", "", "absent.bin", "link.bin"])
def test_weights_outside_of_the_models_folder(location: str, tmp_path: Path):
    (tmp_path / "link.bin").symlink_to("/etc/passwd")
    model = small().model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    message = refused(model, tmp_path)
    assert "which is not there" in message if location == "absent.bin" else "it must lie beside the model" in message


@pytest.mark.parametrize(
    "operation",
    [("ConstantOfShape", [[1 << 20, 1 << 20]]), ("Range", [0, 1 << 40, 1]), ("Expand", [[1.0], [1 << 15, 1 << 15]])],
)
def test_constants_that_would_fill_the_memory(operation: tuple[str, list], tmp_path: Path):
    write = small()
    logits = write.tensor
    name, inputs = operation
    kinds = [np.float32 if isinstance(np.ravel(value)[0], np.floating) else np.int64 for value in inputs]
    write.node(name, *(write.constant(value, kind) for value, kind in zip(inputs, kinds, strict=True)))
    write.node("ReduceMax", write.tensor, keepdims=0)
    write.node("Cast", write.tensor, to=TensorProto.FLOAT)
    write.node("Mul", logits, write.tensor)
    message = refused(write.model(), tmp_path)
    assert "too many to compute" in message or "of unknown size, or of more than" in message


def test_functions_subgraphs_and_sparse_weights(tmp_path: Path):
    model = small().model()
    node = helper.make_node("Relu", ["a"], ["b"])
    model.functions.append(helper.make_function("f", "F", ["a"], ["b"], [node], [helper.make_opsetid("", 15)]))
    assert "local functions; onnx.inliner.inline_local_functions inlines them" in refused(model, tmp_path)
    model = small().model()
    graph = helper.make_graph([node], "inner", [], [helper.make_tensor_value_info("b", TensorProto.FLOAT, [1])])
    model.graph.node.append(helper.make_node("If", ["t3_0"], ["c"], then_branch=graph, else_branch=graph))
    assert "If ('c'): an operation that cannot be imported" in refused(model, tmp_path)


def test_a_hundred_thousand_nodes(tmp_path: Path):
    write = small()
    for _ in range(10_001):
        write.node("Relu", write.tensor)
    assert "10,005 nodes; a network for IQ frames has 10,000 at most" in refused(write.model(), tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04nonsense" * 50, b'{"a": 1}', b"PK\x03\x04" + b"\0" * 60])
def test_files_that_are_no_onnx(content: bytes, tmp_path: Path):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(RadioMLError, match=r"m\.onnx: not a"):
        import_network(path, ImportOptions())
    with pytest.raises(RadioMLError, match="no such file"):
        import_network(tmp_path / "absent.onnx", ImportOptions())
    with pytest.raises(RadioMLError, match="not a readable ONNX file"):
        import_network(tmp_path, ImportOptions())


def test_damaged_files_give_messages_alone(tmp_path: Path):
    """Files with bytes changed, removed and doubled at random places are imported, or refused with one error class."""
    write = QcdqWriter(2, 13)
    write.quant(1 / 64, 8, signed=True)
    write.convolution(2, 3, strides=[32])
    write.activation()
    write.classifier(2 * 32)
    whole = write.model().SerializeToString()
    generator = random.Random(0)
    path, outcomes = tmp_path / "m.onnx", {"imported": 0, "refused": 0}
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(generator.randint(1, 4)):
            at = generator.randrange(len(data))
            kind = generator.randrange(3)
            if kind == 0:
                data[at] = generator.randrange(256)
            elif kind == 1:
                del data[at : at + generator.randint(1, 40)]
            else:
                data[at:at] = data[at : at + generator.randint(1, 40)]
        path.write_bytes(data)
        try:
            import_network(path, ImportOptions())
            outcomes["imported"] += 1
        except RadioMLError as error:
            assert str(error).startswith(f"{path}: ")
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 10, outcomes
