"""Functions of a narrow signal in block RAM: every tensor stays that of the graph."""

from __future__ import annotations

import re

import numpy as np
import pytest

from finn_build.statistics_unit.evaluator import Evaluation
from finn_build.statistics_unit.resources import program_rams, resources
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Product, Table
from tests.finn_build.statistics_unit.graphs import Graph, assert_equal, frames
from tests.finn_build.statistics_unit.test_rtl import WAYS, cache, compiled, integers, run  # noqa: F401


def functions() -> Graph:
    """Squares of 8 bits, ramps of numbers of 11 bits, and sums of neighbouring squares with zeros around them."""
    graph = Graph()
    squares = graph.node("Mul", (x := graph.phases()), x)
    power = graph.pool(graph.reshape(squares, 1, 1, 2, 1024), (2, 1))
    amplitude = graph.quant(graph.node("Mul", power, 1 / 16), 1.0, 11, signed=0)
    amplitude = graph.reshape(amplitude, 1, 1, 128, 8)
    ramps = [
        graph.node("Clip", graph.node("Sub", amplitude, float(start)), 0.0, float(width))
        for start, width in ((23, 18), (92, 32), (369, 64))
    ]
    around = graph.pool(graph.pool(squares, (2, 1), (1, 1), (1, 0, 1, 0)), (2, 1), (1, 1))
    graph.results(graph.node("Concat", *ramps, squares, around, axis=1))
    return graph


def of(unit: Unit, kind: type) -> int:
    """Wires of an operation."""
    return sum(isinstance(wire.operation, kind) for wire in unit.wires)


@pytest.mark.parametrize("lanes", [8, 1])
def test_every_tensor_is_that_of_the_graph(lanes):
    """Squares: a block RAM for I and Q of a sample. Three ramps of 16 bits: two block RAMs for two samples."""
    graph = functions()
    unit = graph.unit(lanes)
    found = assert_equal(graph.model(), unit, frames(2, seed=1))
    assert len({tuple(logits) for logits in found.logits.tolist()}) > 1
    assert (of(unit, Table), of(unit, Product)) == (5 * lanes, 0)
    assert resources(unit)[2] - program_rams(unit) == lanes + 2 * -(-lanes // 2)


@pytest.mark.parametrize("lanes", [8, 1])
def test_a_function_of_some_slots(lanes):
    """Squares of all phases, and of every other phase by themselves: they are one table."""
    graph = Graph()
    some = graph.pool((x := graph.phases()), (1, 1), (1, 2))
    squares = [graph.quant(graph.node("Mul", y, y), 4.0, 12, signed=0) for y in (x, some)]
    parts = [graph.pool(graph.pool(y, (128, 1)), (1, 8 // n), kind="MaxPool") for n, y in enumerate(squares, 1)]
    graph.finish(graph.node("Concat", *parts, axis=1))
    unit = graph.unit(lanes)
    assert_equal(graph.model(), unit, frames(2, seed=1))
    assert of(unit, Table) >= 2 * lanes
    assert resources(unit)[2] - program_rams(unit) == lanes


def test_a_table_has_the_function_over_its_whole_range():
    (table,) = {
        wire.operation.values for wire in functions().unit().wires
        if isinstance(wire.operation, Table) and len(wire.operation.values) == 256
    }  # fmt: skip
    assert table == tuple(value * value for value in range(-128, 128))


def test_what_saves_too_little_stays_as_it_is():
    """The sign decides on one, and the other would take more block RAM than its DSP slice is worth."""
    graph = Graph()
    positive = graph.pool(graph.node("Relu", graph.phases()), (128, 8))
    means = graph.pool(graph.phases(), (1, 8))
    graph.finish(graph.node("Concat", positive, graph.pool(graph.node("Mul", means, means), (128, 1)), axis=1))
    unit = graph.unit()
    assert_equal(graph.model(), unit, frames())
    assert (of(unit, Table), of(unit, Product)) == (0, 2)


@pytest.fixture(scope="module")
def unit():
    return functions().unit(1)


@pytest.fixture(scope="module")
def good(unit, cache, tmp_path_factory):  # noqa: F811
    return compiled(tmp_path_factory.mktemp("good"), unit, cache)


@pytest.mark.rtl
@pytest.mark.parametrize("way", WAYS)
def test_the_rtl_is_integer_equal_to_the_evaluator(way, good, unit, integers):  # noqa: F811
    given = {"initiation_interval": 1200} if way == "gaps between words" else WAYS[way]
    assert np.array_equal(run(good, integers, **given).integers, Evaluation(unit, integers).logits)


def another_word(text: str) -> str:
    """The square of -128 is one less."""
    return text.replace("Words[128] = 15'h4000;", "Words[128] = 15'h3fff;")


def ports_exchanged(text: str) -> str:
    """I is squared for Q, and Q for I."""
    return re.sub(r"\.address0\((w0)\)(.*)\.address1\((w\d+)\)", r".address0(\3)\2.address1(\1)", text)


@pytest.mark.rtl
@pytest.mark.parametrize("fault", [another_word, ports_exchanged])
def test_a_planted_fault_is_seen(fault, unit, cache, integers, tmp_path):  # noqa: F811
    def change(text: str) -> str:
        changed = fault(text)
        assert changed != text
        return changed

    found = run(compiled(tmp_path, unit, cache, change), integers)
    assert not np.array_equal(found.integers, Evaluation(unit, integers).logits)
