"""Functions of integers in front of quantisers, against their definition in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes

from finn_build.graph.integer_scales import integer_scales
from finn_build.steps.activations import activations
from finn_build.steps.fuse_activations import is_table, problem
from finn_build.steps.integer_functions import IntegerFunction, IntegerFunctions
from radioml.errors import RadioMLError
from tests.networks import GraphWriter

STEP = np.float64(np.float32(0.04))
"""Of the quantiser behind the functions below."""


def network_of(*kinds: str, signed: bool = True, sums: bool = False, bits: int = 8) -> ModelWrapper:
    """The last quantiser takes functions of the integers of a quantiser, or of a convolution's sums."""
    write = GraphWriter(1)
    write.quant(1 / 64, 8, signed=True)
    write.convolution(3, 3, strides=[8], bias=True)
    if not sums:
        write.quant(1 / 32, bits, signed=signed)
    for kind in kinds:
        if kind == "BatchNormalization":
            write.batch_norm()
        else:
            write.node(kind, write.tensor, *([write.tensor] if kind == "Mul" else []))
    write.quant(float(np.float32(0.04)), 6, signed=True)
    return ModelWrapper(write.model((1, 3, 128))).transform(InferShapes())


def last_function(network: ModelWrapper) -> tuple[IntegerFunction, bool]:
    """The function of the last quantiser, and whether it is a table."""
    activation = activations(network)[-1]
    assert activation is not None
    function = IntegerFunctions(network).of(activation)
    return function, is_table(activation, function)


def levels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values / STEP), -32, 31)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [(["Mul"], np.square), (["Abs"], np.abs), (["Neg"], np.negative), (["Abs", "Tanh"], lambda x: np.tanh(np.abs(x)))],
)
def test_a_function_that_rises_and_falls_or_falls_is_a_table(kinds, expected):
    function, table = last_function(network_of(*kinds))
    assert table
    found = function.table(-128, 127)
    assert np.array_equal(found, levels(expected(np.arange(-128, 128) / 32))[None]), "one row: all channels are alike"


@pytest.mark.parametrize(
    ("kinds", "signed", "expected"),
    [
        (["Sigmoid"], True, lambda x: 1 / (1 + np.exp(-x))),
        (["Tanh"], True, np.tanh),
        (["Mul"], False, np.square),
        (["Relu", "Mul"], True, lambda x: np.maximum(x, 0) ** 2),
    ],
)
def test_a_function_that_rises_has_thresholds(kinds, signed, expected):
    function, table = last_function(network_of(*kinds, signed=signed))
    assert not table
    integers = np.arange(function.low, function.high + 1)
    thresholds = function.thresholds(function.low, function.high)
    found = (integers[:, None, None] >= thresholds).sum(-1) - 32
    assert np.array_equal(found, np.repeat(levels(expected(integers / 32))[:, None], 3, 1))


def test_a_table_of_a_batch_norm_has_a_row_for_each_channel():
    network = network_of("BatchNormalization")
    function, table = last_function(network)
    gamma, beta, mean, variance = (
        network.get_initializer(name).astype(np.float64)
        for name in network.get_nodes_by_op_type("BatchNormalization")[0].input[1:]
    )
    assert table == bool((gamma < 0).any())
    expected = gamma * (np.arange(-128, 128)[:, None] / 32 - mean) / np.sqrt(variance + np.float32(1e-5)) + beta
    assert np.array_equal(function.table(-128, 127), levels(expected).T)


def test_sums_of_channels_that_fall_are_negated():
    network = network_of("BatchNormalization", "Tanh", sums=True)
    function, table = last_function(network)
    gamma = network.get_initializer(network.get_nodes_by_op_type("BatchNormalization")[0].input[1])
    assert not table
    assert np.array_equal(function.signs, np.where(gamma < 0, -1, 1)) and (gamma < 0).any()
    integers = np.linspace(function.low, function.high, 4001).round()
    thresholds = function.thresholds(function.low, function.high)
    found = (integers[:, None, None] * function.signs[:, None] >= thresholds).sum(-1) - 32
    assert np.array_equal(found, function(integers[:, None]))
    assert len(np.unique(found)) > 10


def test_what_is_neither_rises_and_falls_over_many_integers():
    network = network_of("BatchNormalization", "Abs", sums=True)
    activation = activations(network)[-1]
    name, why = problem(network, activation, IntegerFunctions(network))
    assert name.startswith("Abs") and "it is given sums of" in why
    wide = network_of("Abs", bits=9)
    assert "integers of 9 bits" in problem(wide, activations(wide)[-1], IntegerFunctions(wide))[1]


def test_an_integer_without_a_result_is_refused():
    with pytest.raises(RadioMLError, match=r"Log .* gives no number for some integers"):
        last_function(network_of("Log"))


def test_sums_that_two_functions_read_are_refused():
    write = GraphWriter(1)
    write.quant(1 / 64, 8, signed=True)
    write.convolution(3, 3, strides=[8])
    sums = write.tensor
    parts = [write.quant(0.1, 4, of=write.node(kind, sums)) for kind in ("Tanh", "Sigmoid")]
    write.node("Mul", *parts)
    network = ModelWrapper(write.model((1, 3, 128))).transform(InferShapes())
    functions = IntegerFunctions(network)
    assert all("quantise the sums once" in problem(network, found, functions)[1] for found in activations(network))


def test_products_and_differences_are_integers():
    write = GraphWriter(1)
    first, second = write.quant(0.5, 4, signed=True), write.quant(0.25, 3)
    write.nodes[-1].input[0] = "iq"
    product, difference = write.node("Mul", first, second), write.node("Sub", first, first)
    network = ModelWrapper(write.model((1, 2, 1024)))
    assert (integer_scales(network, product).scale, integer_scales(network, difference).scale) == (0.125, 0.5)
    for tensor, bounds in ((product, (-56, 49)), (difference, (-15, 15))):
        grid = integer_scales(network, tensor).grid
        assert (grid.low, grid.high) == bounds
