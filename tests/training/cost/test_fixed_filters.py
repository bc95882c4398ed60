"""The conservative score: planted graphs whose constants hide weights, and ordinary ones whose constants hide none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from radioml.contract.score import Score
from radioml.shipped import NETWORK
from training.cost.fixed_filters import weight_widths
from training.cost.score import part_of_score, score_model

pytestmark = pytest.mark.training


class Graph:
    """Samples of 8 bits, whatever `body` makes of them, and one convolution to 24 logits."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: np.ndarray | float | list[int]) -> str:
        """A constant: int64 for a list, else float32."""
        name = f"c{len(self.constants)}"
        array = np.array(value, np.int64 if isinstance(value, list) else np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        """A node; its output."""
        name = f"t{len(self.nodes)}"
        domain = "qonnx.custom_op.general" if kind == "Quant" else ""
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"n{name}", domain=domain, **attributes))
        return name

    def quant(self, x: str, scale: float, bits: int, signed: int = 1) -> str:
        """A quantiser."""
        fixed = (self.constant(scale), self.constant(0.0), self.constant(float(bits)))
        return self.op("Quant", x, *fixed, signed=signed, narrow=0, rounding_mode="ROUND")

    def scaled(self, x: str, factor: float | np.ndarray) -> str:
        """x times a constant."""
        return self.op("Mul", x, self.constant(factor))


def scored(folder: Path, body: Callable[[Graph, str], str], weight: float = 1.0, signed: int = 1) -> Score:
    """The score of a graph; the convolution reads (1, C, L) that `body` makes of (1, 2, 1024) in 8 bits."""
    graph = Graph()
    x = graph.quant(body(graph, graph.quant("iq", 1 / 64, 8)), 1 / 64, 8)
    weights = graph.quant(graph.constant(np.full((24, 2, 8), weight)), 1.0, 3, signed)
    conv = graph.op("Conv", x, weights, kernel_shape=[8])
    pooled = graph.op("MaxPool", conv, kernel_shape=[1017])
    graph.op("Flatten", pooled, axis=1)
    graph.nodes[-1].output[0] = "logits"
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
        for name, shape in (("iq", [1, 2, 1024]), ("logits", [1, 24]))
    ]
    opsets = [helper.make_opsetid("", 15), helper.make_opsetid("qonnx.custom_op.general", 2)]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "planted", *ends, graph.constants), opset_imports=opsets, ir_version=8
    )
    onnx.save(model, folder / "planted.onnx")
    return score_model(folder / "planted.onnx")


def smoothed(graph: Graph, x: str) -> str:
    """The mean of a sample and the one before, (1, 2, 1024), 0 before the first."""
    return graph.op("AveragePool", x, kernel_shape=[2], pads=[1, 0], count_include_pad=1, strides=[1])


def test_a_filter_of_constants_and_a_pool_is_billed_as_its_convolution(tmp_path: Path):
    def equaliser(graph: Graph, x: str) -> str:
        return graph.op("Add", graph.scaled(x, 2.5), graph.scaled(smoothed(graph, x), -1.0))

    score = scored(tmp_path, equaliser)  # 2 at the sample, -1/2 at the one before: integers 4 and -1
    (found,) = score.fixed_filters
    assert (found.outputs, found.terms, found.bit_mem) == (2 * 1023, 2, 4 + 2)
    assert found.bit_ops == 2 * 1023 * 8 * (4 + 2)
    extra = part_of_score(found.bit_ops, found.bit_mem)
    assert score.strictest == score.conservative == pytest.approx(score.score + extra)


def test_signs_are_weights(tmp_path: Path):
    score = scored(tmp_path, lambda graph, x: graph.op("Sub", graph.scaled(x, 2.0), smoothed(graph, x)))
    (found,) = score.fixed_filters
    assert found.bit_ops == 2 * 1023 * 8 * (3 + 2), "3/2 and -1/2: integers 3 and -1"


def test_a_difference_of_two_scaled_signals_has_weights_by_the_strictest_bill_alone(tmp_path: Path):
    def difference(graph: Graph, x: str) -> str:
        other = graph.quant(smoothed(graph, x), 1 / 64, 8)
        return graph.op("Sub", graph.scaled(x, 5.0), graph.scaled(other, 4.0))

    score = scored(tmp_path, difference)
    (found,) = score.fixed_filters
    assert (found.bit_ops, found.bit_mem) == (2 * 1024 * 8 * (2 + 2), 2 + 2)
    assert (found.strictest_bit_ops, found.strictest_bit_mem) == (2 * 1024 * 8 * (4 + 3), 4 + 3)
    assert score.score < score.conservative < score.strictest


def test_a_filter_is_none_the_less_for_a_second_signal_in_its_sum(tmp_path: Path):
    def body(graph: Graph, x: str) -> str:
        other = graph.quant(graph.scaled(x, 0.5), 1 / 64, 8)
        filtered = graph.op("Add", graph.scaled(x, 2.5), graph.scaled(smoothed(graph, x), -1.0))
        return graph.op("Sub", filtered, other)

    (found,) = scored(tmp_path, body).fixed_filters
    assert found.terms == 3 and found.bit_mem == found.strictest_bit_mem == 3 + 2 + 3


def test_weights_hidden_in_a_pool_over_channels_are_found(tmp_path: Path):
    def mixed(graph: Graph, x: str) -> str:
        weighted = graph.scaled(x, np.array([[[3.0], [1.0]]], np.float32))
        rows = graph.op("Reshape", weighted, graph.constant([1, 1, 2, 1024]))
        one = graph.op("AveragePool", rows, kernel_shape=[2, 1], strides=[2, 1])
        both = graph.op("Concat", one, one, axis=1)
        return graph.op("Reshape", both, graph.constant([1, 2, 1024]))

    (found,) = scored(tmp_path, mixed).fixed_filters
    assert (found.outputs, found.bit_ops) == (1024, 1024 * 8 * (3 + 2))


@pytest.mark.parametrize("kind", ["scale", "pool of a pool", "sum", "a channel picked"])
def test_constants_that_only_scale_are_free(kind: str, tmp_path: Path):
    def body(graph: Graph, x: str) -> str:
        if kind == "scale":
            return graph.op("Add", graph.scaled(x, np.array([[[3.0], [0.5]]], np.float32)), graph.constant(0.25))
        if kind == "pool of a pool":
            once = smoothed(graph, x)
            return graph.op("AveragePool", once, kernel_shape=[2], pads=[0, 1], count_include_pad=1, strides=[1])
        if kind == "sum":
            return graph.op("Add", graph.scaled(x, 2.0), graph.scaled(graph.scaled(x, 0.5), 4.0))
        return graph.scaled(x, np.array([[[2.0], [0.0]]], np.float32))

    score = scored(tmp_path, body)
    assert score.fixed_filters == () and score.strictest == score.conservative == score.score


def test_unsigned_weights_are_billed_a_bit_wider(tmp_path: Path):
    score = scored(tmp_path, lambda graph, x: graph.scaled(x, 1.0), signed=0)
    assert score.conservative == pytest.approx(score.score * 4 / 3)


def test_an_ordinary_network_has_one_score():
    score = score_model(NETWORK)
    assert score.conservative == score.score and not score.fixed_filters


def test_widths_are_those_of_signed_integers_without_a_common_factor():
    assert weight_widths(np.array([34, -4, 2, -1]) / 32).tolist() == [7, 3, 3, 2]
    assert weight_widths(np.array([0.75, -0.75])).tolist() == [2, 2]
    assert weight_widths(np.array([1.0, 0.1])).tolist() == [32, 32]
