"""Rows behind a frame go through one circuit: every tensor stays that of the graph, and planted faults are seen."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from finn_build.statistics_unit.evaluator import Evaluation
from finn_build.statistics_unit.resources import resources
from finn_build.statistics_unit.schedule import schedule
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Reduce, Running
from tests.finn_build.statistics_unit.graphs import Graph, assert_equal, frames
from tests.finn_build.statistics_unit.test_rtl import WAYS, cache, compiled, integers, run  # noqa: F401

FEW = np.array([[3, -2, 0, 0], [0, 1, 4, 0], [0, 0, -5, 6], [1, 0, 0, 0]])


def differences(units: int = 4, above: bool = True, seed: int = 0) -> Graph:
    """Means of four signals by phase, weighted sums of two of them, levels of these, and sums of the levels.

    All of these have 8 phases. The logits are the maxima, minima and means over the phases.
    """
    random, graph = np.random.default_rng(seed), Graph()
    x = graph.phases()
    y = graph.quant(graph.node("Mul", x, x), 64.0, 8, signed=0)
    means = graph.node("Mul", graph.pool(graph.node("Concat", x, y, axis=1), (128, 1)), 128.0)  # (1, 4, 1, 8)
    pairs = graph.node("Conv", means, FEW[:units].reshape(units, 4, 1, 1).astype(np.float32))
    gains = random.choice([1, -3, 5, 7], (1, units, 1, 1)) / 2.0 ** random.integers(8, 12, (1, units, 1, 1))
    scaled = graph.node("Add", graph.node("Mul", pairs, gains), random.integers(-40, 40, (1, units, 1, 1)) / 4)
    levels = graph.quant(scaled, 1.0, 8, narrow=1)
    known = [means, pairs, levels]
    if above:
        known.append(graph.node("Conv", levels, random.integers(-3, 4, (3, units, 1, 1)).astype(np.float32)))
    results = []
    for rows in known:
        results += [graph.pool(rows, (1, 8), kind="MaxPool"), graph.pool(rows, (1, 8))]
        results.append(graph.pool(graph.node("Mul", rows, -1.0), (1, 8), kind="MaxPool"))
    graph.finish(graph.node("Mul", graph.node("Concat", *results, axis=1), 2.0**-8))
    return graph


def kinds(unit: Unit) -> Counter[str]:
    """Running accumulators of a unit."""
    return Counter(wire.operation.kind for wire in unit.wires if isinstance(wire.operation, Running))


def results_of_rows(unit: Unit) -> int:
    """Results with a circuit of their own."""
    found = [wire.operation for wire in unit.wires if isinstance(wire.operation, Reduce)]
    return sum(reduce.interleave == reduce.windows == 1 and reduce.count == 8 for reduce in found)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("units", "above"), [(4, True), (3, True), (4, False)])
def test_every_tensor_is_that_of_the_graph(units, above, seed):
    graph = differences(units, above, seed)
    unit = graph.unit(lanes=1)
    found = assert_equal(graph.model(), unit, frames(3, seed=seed))
    assert len({tuple(logits) for logits in found.logits.tolist()}) > 2
    assert results_of_rows(unit) == 0
    assert kinds(unit) == {"max": 2 + above, "min": 2 + above, "sum": 2 + 2 * above}


def test_random_graphs():
    """Sums of one to three rows, so that some cannot be replayed, and levels of rows, sums and levels."""
    for seed in range(12):
        random, graph = np.random.default_rng(seed), Graph()
        means = graph.node("Mul", graph.pool(graph.phases(), (128, 1)), 128.0)
        made = [means, graph.quant(graph.node("Mul", means, 0.0625), 1.0, 8)]
        for _ in range(6):
            read = graph.node("Concat", *(made[i] for i in random.integers(0, len(made), 2)), axis=1)
            weights = random.integers(-3, 4, (2, 4, 1, 1)) * (random.random((2, 4, 1, 1)) < 0.7)
            sums = graph.node("Conv", read, weights.astype(np.float32))
            gain = float(random.choice([0.25, -0.375, 0.03125]))
            made.append(graph.quant(graph.node("Mul", sums, gain), 1.0, 8) if random.random() < 0.6 else sums)
        results = [graph.pool(rows, (1, 8), kind=str(random.choice(["MaxPool", "AveragePool"]))) for rows in made]
        graph.finish(graph.node("Mul", graph.node("Concat", *results, axis=1), 2.0**-8))
        assert_equal(graph.model(), graph.unit(lanes=1), frames(1, seed=seed))


def test_rows_are_replayed_where_a_frame_has_the_time():
    """Of 64 units a row each has 8 cycles and more: a frame of 1,024 beats is too short for levels above them."""
    graph = Graph()
    means = graph.pool(graph.phases(), (128, 1))
    rows = [graph.node("Mul", graph.quant(graph.node("Add", means, k / 4), 0.5, 8), 2.0) for k in range(64)]
    together = graph.node("Concat", *rows, axis=1)
    graph.finish(graph.pool(together, (1, 8), kind="MaxPool"))
    unit = graph.unit(lanes=1)
    assert_equal(graph.model(), unit, frames())
    assert kinds(unit) == {} and results_of_rows(unit) == 128


def test_rows_that_come_during_a_frame_are_not_kept():
    """Eight means of 128 samples: the next frame's would be there before all are read."""
    graph = Graph()
    means = graph.pool(graph.reshape(graph.node("Mul", graph.samples, 64.0), 1, 2, 8, 128), (1, 128))
    levels = graph.quant(means, 1.0, 8)
    graph.finish(graph.node("Concat", *(graph.pool(x, (8, 1), kind="MaxPool") for x in (means, levels)), axis=1))
    unit = graph.unit(lanes=1)
    assert_equal(graph.model(), unit, frames())
    assert kinds(unit) == {}


def test_fewer_luts_than_a_circuit_for_each():
    """With 8 samples a beat each phase has a wire of its own, and nothing is replayed."""
    wide, narrow = (differences().unit(lanes) for lanes in (8, 1))
    assert kinds(narrow) and not kinds(wide)["max"]
    assert sum(resources(narrow)[0].values()) < sum(resources(wide)[0].values()) / 2
    assert schedule(narrow).length <= 1024


@pytest.mark.rtl
def test_the_rtl_is_integer_equal_to_the_evaluator(cache, integers, tmp_path):  # noqa: F811
    unit = differences().unit(lanes=1)
    library = compiled(tmp_path, unit, cache)
    for way in WAYS.values():
        assert np.array_equal(run(library, integers, **way).integers, Evaluation(unit, integers).logits)


def a_place_later(text: str) -> str:
    """A memory of a row gives the phase behind the one that is asked for."""
    return re.sub(r"(assign\tr\d+\[\d+\] = r\d+\[step\d+)\]", r"\1 + 1'b1]", text, count=1)


def least_for_most(text: str) -> str:
    """The first maximum that runs is a minimum."""
    return re.sub(r"(w\d+ <= \(step\d+ \|\| .*?) > ", r"\1 < ", text, count=1)


def a_step_early(text: str) -> str:
    """The program is a cycle ahead."""
    return text.replace("word <= Words[age];", "word <= Words[age + 1'b1];")


@pytest.mark.rtl
@pytest.mark.parametrize("fault", [a_place_later, least_for_most, a_step_early])
def test_a_planted_fault_is_seen(fault, cache, integers, tmp_path):  # noqa: F811
    def change(text: str) -> str:
        changed = fault(text)
        assert changed != text
        return changed

    unit = differences(above=False).unit(lanes=1)
    found = run(compiled(tmp_path, unit, cache, change), integers)
    assert not np.array_equal(found.integers, Evaluation(unit, integers).logits)
