from __future__ import annotations

import numpy as np
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from radioml.network.integer_layers import Convolution, average_pool, max_pool


@pytest.mark.parametrize(
    ("weights", "attributes"),
    [
        ((5, 6, 3), {}),
        ((5, 6, 1), {"strides": [2]}),
        ((4, 6, 4), {"pads": [2, 1], "strides": [3]}),
        ((6, 1, 3), {"group": 6, "pads": [1, 1], "dilations": [2]}),
        ((12, 1, 3), {"group": 6, "strides": [2]}),
        ((4, 3, 5), {"group": 2, "pads": [0, 4]}),
        ((5, 6, 3, 2), {"pads": [1, 0, 2, 1], "strides": [2, 1], "dilations": [1, 2]}),
        ((6, 1, 2, 2), {"group": 6}),
    ],
)
def test_convolutions_are_those_of_onnx(weights: tuple[int, ...], attributes: dict):
    random = np.random.default_rng(0)
    dimensions = len(weights) - 2
    kernel = random.integers(-7, 8, weights).astype(np.float32)
    x = random.integers(0, 16, (3, 6, *[19, 7][:dimensions])).astype(np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], **attributes)
    (expected,) = ReferenceEvaluator(node).run(None, {"x": x, "w": kernel})
    ones = [1] * dimensions
    found = Convolution(
        kernel,
        attributes.get("strides", ones),
        attributes.get("dilations", ones),
        attributes.get("pads", [0] * 2 * dimensions),
        attributes.get("group", 1),
    )(x)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("kernel", "strides"), [([2], [2]), ([3], [1]), ([2], [3]), ([2, 3], [1, 2])])
def test_pools_are_those_of_onnx(kernel: list[int], strides: list[int]):
    x = np.random.default_rng(1).normal(size=(2, 3, *[11, 8][: len(kernel)]))
    for name, found in (
        ("MaxPool", max_pool(x, kernel, strides)),
        ("AveragePool", average_pool(x, kernel, strides, [0, 0] * len(kernel))),
    ):
        node = helper.make_node(name, ["x"], ["y"], kernel_shape=kernel, strides=strides)
        np.testing.assert_allclose(found, ReferenceEvaluator(node).run(None, {"x": x})[0], rtol=1e-12)


def test_a_pool_leaves_its_input_as_it_is():
    x = np.arange(12.0).reshape(1, 3, 4)
    max_pool(x, [2], [2])
    np.testing.assert_array_equal(x.ravel(), np.arange(12))
