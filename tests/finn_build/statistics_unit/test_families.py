"""Results of a frame that are computed alike take turns where that saves LUTs."""

from __future__ import annotations

import numpy as np
import pytest

from finn_build.statistics_unit.evaluator import Evaluation
from finn_build.statistics_unit.wires import Interleave, Reduce, Table
from tests.finn_build.statistics_unit.graphs import Graph, assert_equal, frames
from tests.finn_build.statistics_unit.test_interleaving import of
from tests.finn_build.statistics_unit.test_rtl import cache, compiled, integers, run  # noqa: F401


def tones(*gains: float) -> Graph:
    """Powers of I and Q by symbols, each times some gains: with signs that change, and without."""
    graph = Graph()
    x = graph.pool(graph.phases(), (1, 8))  # (1, 2, 128, 1)
    signs = np.where(np.arange(128) % 2, -1.0, 1.0).reshape(1, 1, 128, 1)
    blocks = [graph.pool(y, (4, 1)) for y in (x, graph.node("Mul", x, signs))]
    powers = []
    for gain in gains:
        for y in blocks:
            level = graph.quant(graph.node("Mul", y, gain), 1.0, 8)
            powers.append(graph.pool(graph.node("Mul", level, level), (32, 1)))
    graph.finish(graph.node("Concat", *powers, axis=1))
    return graph


@pytest.mark.parametrize("lanes", [8, 1])
def test_every_tensor_is_that_of_the_graph(lanes):
    """Four sums of squares take turns with 8 samples a beat, where a block has 4 beats."""
    graph = tones(0.75)
    unit = graph.unit(lanes)
    found = assert_equal(graph.model(), unit, frames(2, seed=1))
    assert len({tuple(logits) for logits in found.logits.tolist()}) > 1
    assert (of(unit, Interleave), of(unit, Table)) == (1, 1)
    assert sum(isinstance(wire.operation, Reduce) and wire.operation.interleave > 1 for wire in unit.wires) == 1


def test_more_than_there_is_room_for_are_several_families():
    """Twelve sums of squares with 8 samples a beat, four to a family; all families read the same blocks in turn."""
    graph = tones(0.75, 0.5, 1.25)
    unit = graph.unit()
    assert_equal(graph.model(), unit, frames())
    assert (of(unit, Interleave), of(unit, Table)) == (1, 3)


@pytest.mark.rtl
@pytest.mark.parametrize("lanes", [8, 1])
def test_the_rtl_is_integer_equal_to_the_evaluator(lanes, cache, integers, tmp_path):  # noqa: F811
    unit = tones(0.75).unit(lanes)
    library = compiled(tmp_path, unit, cache)
    for way in ({}, {"stall_seed": 1}):
        assert np.array_equal(run(library, integers, **way).integers, Evaluation(unit, integers).logits)
