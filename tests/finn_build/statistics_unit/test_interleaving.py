"""Phases that take turns within a frame: every tensor stays that of the graph, in one circuit for all of them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from finn_build.statistics_unit.evaluator import Evaluation
from finn_build.statistics_unit.schedule import schedule
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Interleave, Table
from tests.finn_build.statistics_unit.graphs import Graph, assert_equal, frames
from tests.finn_build.statistics_unit.test_rtl import WAYS, cache, compiled, integers, run  # noqa: F401

SIGNS = np.where(np.arange(15) % 2, 1.0, -1.0).reshape(1, 1, 15, 1)


def windows(phases: int = 8, length: int = 16) -> Graph:
    """Squares of the means over windows that overlap by half, of signals whose phases come at two beats."""
    graph = Graph()
    x = graph.reshape(graph.node("Mul", graph.samples, 64.0), 1, 2, 1, 1024)
    x = graph.pool(graph.pool(x, (1, 4), (1, 1), (0, 2, 0, 2)), (1, 4), (1, 1), (0, 1, 0, 1))
    x = graph.reshape(graph.quant(graph.node("Mul", x, 0.25), 1.0, 8), 1, 2, 128, 8)
    if phases < 8:
        x = graph.pool(x, (1, 1), (1, 8 // phases))
    parts = []
    for count in (length, 2 * length):
        means = graph.quant(graph.pool(x, (count, 1), (count // 2, 1)), 1.0, 10)
        if count == 16:
            means = graph.quant(graph.node("Mul", means, SIGNS), 1.0, 10)
        parts.append(graph.pool(graph.node("Mul", means, means), (256 // count, 1), pads=(1, 0, 0, 0)))
    graph.finish(graph.pool(graph.node("Concat", *parts, axis=1), (1, phases), kind="MaxPool"))
    return graph


def of(unit: Unit, kind: type) -> int:
    """Wires of an operation."""
    return sum(isinstance(wire.operation, kind) for wire in unit.wires)


@pytest.mark.parametrize("phases", [8, 4])
def test_every_tensor_is_that_of_the_graph(phases):
    """Of the windows of 32 numbers each is two of 16: both channels have one multiplexer."""
    graph = windows(phases)
    unit = graph.unit()
    found = assert_equal(graph.model(), unit, frames(2, seed=1))
    assert len({tuple(logits) for logits in found.logits.tolist()}) > 1
    assert (of(unit, Interleave), of(unit, Table)) == (2, 4)
    assert schedule(unit).late > 0


def test_turns_cost_no_cycle():
    assert schedule(windows().unit()).fillers == 1


def test_signals_without_room_between_their_slots_take_no_turns():
    """8 phases of which each has a number every 4 beats."""
    graph = windows(length=8)
    unit = graph.unit()
    assert_equal(graph.model(), unit, frames())
    assert of(unit, Table) == 2 * 8 + 2


@pytest.fixture(scope="module")
def unit():
    return windows().unit()


@pytest.mark.rtl
@pytest.mark.parametrize("way", WAYS)
def test_the_rtl_is_integer_equal_to_the_evaluator(way, good, unit, integers):  # noqa: F811
    assert np.array_equal(run(good, integers, **WAYS[way]).integers, Evaluation(unit, integers).logits)


@pytest.fixture(scope="module")
def good(unit, cache, tmp_path_factory):  # noqa: F811
    return compiled(tmp_path_factory.mktemp("good"), unit, cache)


@pytest.mark.rtl
def test_one_sample_a_cycle(cache, integers, tmp_path):  # noqa: F811
    """Phases come one after the other; the last turns of a ring are those of no phase."""
    unit = windows(phases=4).unit(1)
    found = run(compiled(tmp_path, unit, cache), integers, stall_seed=2)
    assert np.array_equal(found.integers, Evaluation(unit, integers).logits)


def not_kept(text: str) -> str:
    """The second phase of the first multiplexer comes as it is in its turn."""
    kept = re.search(r"<= now\d+ \? \w+ : now\d+ \? (r\d+) :", text)[1]
    now = re.search(rf" {kept} <= (\w+);", text)[1]
    return text.replace(f"? {kept} :", f"? {now} :")


def another_turn(text: str) -> str:
    """The first two phases of the first multiplexer change places."""
    first, second = re.search(r"<= (now\d+) \? \w+ : (now\d+) \? ", text).groups()
    return re.sub(rf"<= {first} \? (\w+) : {second} \? (\w+) ", rf"<= {first} ? \2 : {second} ? \1 ", text, count=1)


def no_late_slots(text: str) -> str:
    """Nothing goes on behind the fillers."""
    return text.replace("late_tick[0] = tick[0] || late != 0", "late_tick[0] = tick[0]")


@pytest.mark.rtl
@pytest.mark.parametrize("fault", [not_kept, another_turn, no_late_slots])
def test_a_planted_fault_is_seen(fault, unit, cache, integers, tmp_path):  # noqa: F811
    def change(text: str) -> str:
        changed = fault(text)
        assert changed != text
        return changed

    found = run(compiled(tmp_path, unit, cache, change), integers, stall_seed=1)
    assert not np.array_equal(found.integers, Evaluation(unit, integers).logits)
