"""`IntegerQonnx` against `ExactQonnx`, node by node in double precision: every logit of every frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from radioml.network.exact_qonnx import ExactQonnx
from radioml.network.integer_qonnx import IntegerQonnx
from tests.networks import GraphWriter


def check_equal(model: onnx.ModelProto, frames: int = 52) -> IntegerQonnx:
    iq = generate_spread(frames, 4).iq
    fast = IntegerQonnx(model)
    expected = ExactQonnx(model)(iq)
    assert len(np.unique(expected, axis=0)) > frames // 2, "the network must tell frames apart"
    np.testing.assert_allclose(fast(iq), expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    return fast


@pytest.mark.parametrize("seed", range(3))
def test_a_network_of_all_kinds_of_layers(seed: int):
    write = GraphWriter(seed)
    write.quant(1 / 64, 8, signed=True)
    write.convolution(8, 5, per_channel=True, strides=[4])
    write.batch_norm()
    write.activation()
    write.convolution(8, 3, bits=8, bias=True, group=8)
    write.batch_norm()
    write.node("MaxPool", write.tensor, kernel_shape=[2], strides=[2])
    write.quant(0.15, 5, signed=True)
    write.convolution(6, 3, group=2, dilations=[2], pads=[2, 2])
    write.node("Mul", write.constant(write.random.normal(size=(1, 6, 1))), write.tensor)
    write.node("Sub", write.tensor, write.constant(write.random.normal(size=(6, 1))))
    write.quant(0.4, 3, signed=True, narrow=True)
    write.node("MaxPool", write.tensor, kernel_shape=[4], strides=[4])
    write.classifier(6 * 32)
    check_equal(write.model())


def test_a_network_with_branches_and_numbers_that_are_no_integers():
    write = GraphWriter(5)
    start = write.quant(1 / 16, 6, signed=True)
    branches = []
    for kernel in (3, 5):
        write.tensor, write.channels = start, 2
        write.convolution(4, kernel, strides=[4])
        write.activation()
        branches.append(write.tensor)
    joined = write.node("Concat", *branches, axis=1)
    write.channels = 8
    write.batch_norm()
    write.convolution(8, 1)  # of numbers that no quantiser gave
    write.quant(0.3, 4, signed=True)
    write.node("Add", write.tensor, write.quant(0.3, 4, signed=True, of=joined))
    write.node("AveragePool", write.tensor, kernel_shape=[4], strides=[4])
    write.quant(0.1, 8, signed=True)
    write.node("GlobalMaxPool", write.tensor)
    write.classifier(8)
    check_equal(write.model())


def test_ties_go_to_the_even_level():
    write = GraphWriter(6)
    write.quant(2.0**-6, 8, signed=True)
    write.convolution(4, 3, strides=[8])
    for tensor in write.initialisers:  # all scales powers of two: every other sum lies between two levels
        value = numpy_helper.to_array(tensor)
        if tensor.name == write.nodes[1].input[1]:
            tensor.CopyFrom(numpy_helper.from_array(np.float32(2.0**-3), tensor.name))
        if tensor.name == write.nodes[1].input[0]:
            tensor.CopyFrom(numpy_helper.from_array(np.rint(value * 40) / 8, tensor.name))
    write.activation(2.0**-8)
    write.classifier(4 * 128)
    check_equal(write.model())


def test_activations_of_many_levels_and_a_model_without_a_classifier():
    write = GraphWriter(7)
    write.quant(1 / 64, 8, signed=True)
    write.convolution(24, 3, strides=[8])
    write.activation(0.001, 12)
    write.node("GlobalMaxPool", write.tensor)
    write.node("Reshape", write.tensor, write.constant([0, 24], np.int64))
    check_equal(write.model())


def test_a_constant_that_differs_between_pixels_is_no_line():
    write = GraphWriter(8)
    write.quant(1 / 64, 8, signed=True)
    write.convolution(4, 3, strides=[8])
    write.node("Add", write.tensor, write.constant(write.random.normal(size=(1, 1, 128))))
    write.activation()
    write.classifier(4 * 128)
    check_equal(write.model())


def test_a_network_with_too_old_an_opset_is_refused():
    write = GraphWriter(9, opset=13)
    write.quant(1 / 64, 8, signed=True)
    write.classifier(2048)
    for evaluator in (IntegerQonnx, ExactQonnx):
        with pytest.raises(RadioMLError, match="opset 13, whose batch norms cannot be computed frame by frame"):
            evaluator(write.model())


def test_a_layer_that_takes_one_frame_alone_is_refused():
    write = GraphWriter(10)
    write.quant(1 / 64, 8, signed=True)
    write.node("Reshape", write.tensor, write.constant([1, 2048], np.int64))
    write.classifier(2048)
    with pytest.raises(RadioMLError, match="Reshape 't1_0' cannot compute several frames at once"):
        IntegerQonnx(write.model())


def test_the_trained_network_of_the_tests(small_model: Path):
    network = check_equal(onnx.load(small_model))
    one_by_one = np.concatenate([network(frame[None]) for frame in generate_spread(8, 4).iq])
    np.testing.assert_array_equal(one_by_one, network(generate_spread(8, 4).iq))
