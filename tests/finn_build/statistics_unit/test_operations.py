"""Operation by operation: the unit's integers are those of the graph, over the whole range of the input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from finn_build.statistics_unit.schedule import schedule
from finn_build.statistics_unit.wires import Product, Reduce, width
from radioml.errors import RadioMLError
from tests.finn_build.statistics_unit.graphs import Graph, assert_equal, frames


def by_channel(*values):
    return np.array(values).reshape(1, 2, 1, 1)


ELEMENTWISE: dict[str, Callable[[Graph, str], str]] = {
    "quantiser": lambda g, x: g.quant(x, 4.0, 5),
    "narrow quantiser": lambda g, x: g.quant(x, 8.0, 4, narrow=1),
    "unsigned quantiser": lambda g, x: g.quant(x, 2.0, 5, signed=0),
    "halves, to the even integer": lambda g, x: g.quant(g.node("Mul", x, 0.5), 1.0, 8),
    "halves of a negative number": lambda g, x: g.quant(g.node("Mul", x, -1.5), 1.0, 8),
    "rounding": lambda g, x: g.node("Round", g.node("Mul", x, 0.375)),
    "tie breaker": lambda g, x: g.quant(g.node("Add", g.node("Mul", x, 0.5), 0.25), 1.0, 8),
    "gain a channel": lambda g, x: g.quant(g.node("Mul", x, by_channel(0.75, -1.25)), 1.0, 8),
    "offset a channel": lambda g, x: g.node("Relu", g.node("Add", x, by_channel(-10.5, 3.0))),
    "clip": lambda g, x: g.node("Clip", g.node("Mul", g.node("Sub", x, 20.0), 1.25), 0.0, 64.0),
    "clip from above": lambda g, x: g.node("Clip", x, "", g.constant(64.0)),
    "square": lambda g, x: g.node("Mul", x, x),
    "square of a shifted number": lambda g, x: g.node("Mul", g.node("Add", x, 0.5), g.node("Add", x, 0.5)),
    "product": lambda g, x: g.node("Mul", x, g.quant(g.node("Mul", x, 0.5), 1.0, 8)),
    "difference": lambda g, x: g.node("Sub", g.node("Mul", x, 1.5), g.quant(g.node("Mul", x, 0.5), 1.0, 8)),
    "no operation": lambda g, x: x,
    "signs that change in time": lambda g, x: g.node("Mul", x, np.tile([1.0, -1.0], 64).reshape(1, 1, 128, 1)),
    "gains that change in time": lambda g, x: g.quant(
        g.node("Mul", x, np.arange(128.0).reshape(1, 1, 128, 1) / 128), 1.0, 8
    ),
    "neighbours with zeros around": lambda g, x: g.pool(
        g.pool(x, (2, 1), (1, 1), (1, 0, 0, 0)), (2, 1), (1, 1), (0, 0, 1, 0)
    ),
    "zeros around an offset": lambda g, x: g.pool(g.node("Add", x, 3.0), (2, 1), (1, 1), (1, 0, 0, 0)),
}  # fmt: skip
"""Operations on I and Q (1, 2, 128, 8)."""


@pytest.mark.parametrize("lanes", [8, 1])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_operation_on_every_sample(name, lanes):
    graph = Graph()
    graph.results(ELEMENTWISE[name](graph, graph.phases()))
    assert_equal(graph.model(), graph.unit(lanes), frames())


@pytest.mark.parametrize("lanes", [8, 1])
def test_means_over_neighbouring_samples(lanes):
    graph = Graph()
    x = graph.reshape(graph.samples, 1, 2, 1, 1024)
    x = graph.pool(graph.pool(x, (1, 4), (1, 1), (0, 2, 0, 2)), (1, 4), (1, 1), (0, 1, 0, 1))
    graph.results(graph.node("Mul", (y := graph.reshape(x, 1, 2, 128, 8)), y))
    assert_equal(graph.model(), graph.unit(lanes), frames())


@pytest.mark.parametrize("lanes", [8, 4, 1])
def test_means_of_overlapping_blocks(lanes):
    graph = Graph()
    means = graph.pool(graph.phases(), (32, 1), (16, 1))  # (1, 2, 7, 8)
    powers = graph.node("Mul", means, means)
    graph.finish(graph.pool(graph.pool(powers, (8, 1), (8, 1), (1, 0, 1, 0)), (1, 8), kind="MaxPool"))
    unit = graph.unit(lanes)
    assert_equal(graph.model(), unit, frames())
    assert 7 in {wire.operation.count for wire in unit.wires if isinstance(wire.operation, Reduce)}
    assert schedule(unit).fillers == 0


@pytest.mark.parametrize("lanes", [8, 1])
def test_means_of_a_signal_with_a_gain(lanes):
    """A gain that is no power of two, of a signal that is summed as it is."""
    graph = Graph()
    graph.results(graph.node("Mul", graph.phases(), np.array([-3.0, 1.25]).reshape(1, 2, 1, 1)))
    assert_equal(graph.model(), graph.unit(lanes), frames())


def test_phases_take_turns_behind_the_frame():
    """One square for the 8 phases of a channel, not 8."""
    graph = Graph()
    means = graph.pool(graph.phases(), (128, 1))
    graph.finish(graph.pool(graph.node("Mul", means, means), (1, 8), kind="MaxPool"))
    unit = graph.unit()
    assert_equal(graph.model(), unit, frames())
    assert sum(isinstance(wire.operation, Product) for wire in unit.wires) == 2


def test_extremes_and_means_over_phases():
    graph = Graph()
    means = graph.pool(graph.phases(), (128, 1))
    lowest = graph.node("Mul", graph.pool(graph.node("Mul", means, -1.0), (1, 8), kind="MaxPool"), -1.0)
    every_other = graph.pool(means, (1, 1), (1, 2))
    parts = [lowest, graph.pool(means, (1, 8)), graph.pool(every_other, (1, 4), kind="MaxPool")]
    graph.finish(graph.node("Concat", *parts, axis=1))
    assert_equal(graph.model(), graph.unit(), frames())


@pytest.mark.parametrize("kind", ["MatMul", "Gemm", "Conv"])
def test_a_layer_behind_the_frame(kind):
    graph = Graph()
    levels = graph.quant(graph.pool(graph.phases(), (128, 1)), 1.0, 8)  # (1, 2, 1, 8)
    weights = np.array([[3.0, 0, -1], [-2, 0, 1]])
    if kind == "Conv":
        quantised = graph.quant(weights.T.reshape(3, 2, 1, 1), 1.0, 3, narrow=1)
        sums = graph.node("Conv", levels, quantised, np.array([0.5, 1, 2]))
        gained = graph.node("Mul", sums, np.array([0.75, 1.0, -0.5]).reshape(1, 3, 1, 1))
        graph.finish(graph.pool(gained, (1, 8), kind="MaxPool"))
    else:
        rows = graph.node("Transpose", graph.reshape(levels, 1, 2, 8), perm=[0, 2, 1])
        if kind == "MatMul":
            sums = graph.node("MatMul", rows, weights)
            graph.finish(graph.node("ReduceMax", sums, graph.constant([1], np.int64), keepdims=0))
        else:
            one = graph.reshape(graph.pool(levels, (1, 8), kind="MaxPool"), 1, 2)
            graph.finish(graph.node("Gemm", one, weights.T, np.array([0.5, 1, 2]), transB=1))
    assert_equal(graph.model(), graph.unit(), frames())


def test_a_transform_over_time():
    """Signs by a sample's place, then sums of 4: no multiplier but that of the squares, which both channels share."""
    graph = Graph()
    x = graph.reshape(graph.pool(graph.phases(), (1, 8)), 1, 2, 32, 4)
    turned = graph.node("Mul", x, np.array([1.0, 0, -1, 0]).reshape(1, 1, 1, 4))
    other = graph.node("Mul", x, np.array([0, 1.0, 0, -1]).reshape(1, 1, 1, 4))
    y = graph.pool(graph.node("Add", turned, other), (1, 4))
    graph.results(graph.node("Mul", y, y), 32, 1)
    unit = graph.unit()
    assert_equal(graph.model(), unit, frames())
    assert sum(isinstance(wire.operation, Product) for wire in unit.wires) == 1


@pytest.mark.parametrize(
    ("low", "high", "bits"), [(0, 0, 1), (0, 1, 1), (0, 255, 8), (-1, 0, 1), (-128, 127, 8), (-129, 0, 9), (-1, 128, 9)]
)
def test_widths(low, high, bits):
    assert width(low, high) == bits


def test_logits_that_no_frame_changes_are_refused():
    graph = Graph()
    graph.results(graph.node("Mul", graph.phases(), 0.0))
    with pytest.raises(RadioMLError, match="no logit depends on the frame"):
        graph.unit()


def test_every_node_without_rtl_is_named():
    graph = Graph()
    x = graph.phases()
    graph.node("Sigmoid", x)
    graph.node("Mul", x, 1e-9)
    graph.quant(x, 3.0, 8)
    graph.node("Relu", "t3")  # behind a problem: not one of its own
    graph.results(x)
    with pytest.raises(RadioMLError) as error:
        graph.unit()
    lines = str(error.value).splitlines()
    assert len(lines) == 4
    assert "Sigmoid n3" in lines[1] and "no Sigmoid" in lines[1]
    assert "Mul n4" in lines[2] and "not a multiple of 2^-48" in lines[2]
    assert "Quant n5" in lines[3] and "power of two" in lines[3]


@pytest.mark.parametrize(
    ("problem", "build"),
    [
        ("power of two", lambda g, x: g.quant(x, 0.3, 8)),
        ("different signals", lambda g, x: g.pool(x, (1, 8), kind="MaxPool")),
        ("not a multiple of", lambda g, x: g.pool(x, (3, 1), (1, 1))),
        ("overlapping windows", lambda g, x: g.pool(x, (16, 1), (1, 1))),
        ("single beats with results", lambda g, x: g.node("Add", x, g.pool(x, (128, 1)))),
        ("depends on the frame", lambda g, x: g.node("Clip", x, x)),
    ],
)  # fmt: skip
def test_what_has_no_rtl_is_refused(problem, build):
    graph = Graph()
    build(graph, graph.phases())
    graph.results(graph.phases())
    with pytest.raises(RadioMLError, match=problem):
        graph.unit()
