"""Levels and sums behind the frame take turns: every tensor stays that of the graph, in fewer circuits."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from finn_build.statistics_unit.evaluator import Evaluation
from finn_build.statistics_unit.resources import resources
from finn_build.statistics_unit.schedule import schedule
from finn_build.statistics_unit.wires import Level, Running, Sum
from tests.finn_build.statistics_unit.graphs import Graph, assert_equal, frames
from tests.finn_build.statistics_unit.test_rtl import cache, compiled, integers, run  # noqa: F401


def head(*hidden: int, classes: int = 5, seed: int = 0) -> Graph:
    """Statistics of both channels, standardised, then layers of which each reads all that is in front of it."""
    random, graph = np.random.default_rng(seed), Graph()
    x = graph.phases()
    y = graph.quant(graph.node("Mul", x, x), 64.0, 8, signed=0)
    means = graph.pool(graph.node("Concat", x, y, axis=1), (128, 1))  # (1, 4, 1, 8)
    statistics = graph.node("Concat", graph.pool(means, (1, 8)), graph.pool(means, (1, 8), kind="MaxPool"), axis=1)
    gains = random.choice([0.375, 1.25, -0.5, 3.0], (1, 8, 1, 1))
    offsets = random.integers(-40, 40, (1, 8, 1, 1)) / 4
    known = graph.quant(graph.node("Add", graph.node("Mul", statistics, gains), offsets), 1.0, 8, narrow=1)
    count = 8
    for units in hidden:
        sums = graph.node("Conv", known, random.integers(-3, 4, (units, count, 1, 1)).astype(np.float32))
        scaled = graph.node("Mul", sums, random.choice([0.28125, 0.625, -0.4375], (1, units, 1, 1)))
        known = graph.node("Concat", known, graph.quant(scaled, 8.0, 5, signed=0), axis=1)
        count += units
    sums = graph.node("Conv", known, random.integers(-3, 4, (classes, count, 1, 1)).astype(np.float32))
    graph.finish(graph.node("Add", graph.node("Mul", sums, random.integers(1, 9, (1, classes, 1, 1)) / 4), 1.5))
    return graph


@pytest.mark.parametrize("lanes", [8, 1])
@pytest.mark.parametrize("hidden", [(), (4,), (3, 6)])
def test_every_tensor_is_that_of_the_graph(hidden, lanes):
    graph = head(*hidden)
    unit = graph.unit(lanes)
    found = assert_equal(graph.model(), unit, frames(2, seed=1))
    assert len({tuple(logits) for logits in found.logits.tolist()}) > 1
    kinds = Counter(type(wire.operation) for wire in unit.wires)
    rows = 2 if lanes == 1 else 0  # a sum and a maximum over the phases, of all four signals
    assert kinds[Running] == 1 + len(hidden) + rows
    assert not any(wire.held and isinstance(wire.operation, Level | Sum) for wire in unit.wires)


def test_more_circuits_where_a_frame_has_fewer_cycles():
    """24 units and 24 logits: 1,024 beats have room for all in one circuit, 128 beats have not."""
    wide, narrow = (head(24, classes=24).unit(lanes) for lanes in (8, 1))
    assert schedule(wide).length <= 128 + schedule(wide).fillers
    weights = [
        sum(len(set(w.operation.factors)) > 3 for w in unit.wires if isinstance(w.operation, Level))
        for unit in (wide, narrow)
    ]
    assert weights[0] > weights[1]
    assert sum(resources(narrow)[0].values()) < sum(resources(wide)[0].values())


def test_what_something_else_reads_takes_no_turns():
    """A maximum over standardised numbers reads them, beside the sums."""
    graph = Graph()
    levels = graph.quant(graph.pool(graph.phases(), (128, 1)), 1.0, 8)
    highest = graph.pool(levels, (1, 8), kind="MaxPool")
    product = graph.node("Mul", highest, highest)
    sums = graph.node("Conv", highest, np.array([[1.0, -2], [3, 1]]).reshape(2, 2, 1, 1))
    graph.finish(graph.node("Concat", sums, product, axis=1))
    unit = graph.unit()
    assert_equal(graph.model(), unit, frames())
    assert not any(isinstance(wire.operation, Running) for wire in unit.wires)


@pytest.mark.rtl
@pytest.mark.parametrize("lanes", [8, 1])
def test_the_rtl_takes_turns(lanes, cache, integers, tmp_path):  # noqa: F811
    unit = head(3, 6).unit(lanes)
    library = compiled(tmp_path, unit, cache)
    for way in ({}, {"stall_seed": 1}):
        found = run(library, integers, **way)
        assert np.array_equal(found.integers, Evaluation(unit, integers).logits)


def last(pattern: str, new: str, text: str) -> str:
    """The text with its last match changed."""
    found = list(re.finditer(pattern, text))[-1]
    return text[: found.start()] + found.expand(new) + text[found.end() :]


def a_word_beside(text: str) -> str:
    """The last memory, that of the logits, gives the word before."""
    return last(r"(= r\d+\[step\d+)\];", r"\1 - 1'b1];", text)


def no_new_sum(text: str) -> str:
    """The last accumulator of uneven windows goes on with the sum before."""
    return last(r"step\d+ \? 1'sd0", "1'b0 ? 1'sd0", text)


def a_step_twice(text: str) -> str:
    """The program has a step in the place of the one behind it."""
    words = re.findall(r"Words\[\d+\] = (\S+);", text[text.index("module serial_program") :])
    step = next(k for k in range(len(words) // 4, len(words)) if words[k] != words[k - 1])
    return text.replace(f"Words[{step}] = {words[step]};", f"Words[{step}] = {words[step - 1]};")


@pytest.mark.rtl
@pytest.mark.parametrize("fault", [a_word_beside, no_new_sum, a_step_twice])
def test_a_planted_fault_in_a_turn_is_seen(fault, cache, integers, tmp_path):  # noqa: F811
    def change(text: str) -> str:
        changed = fault(text)
        assert changed != text
        return changed

    unit = head(3).unit()
    found = run(compiled(tmp_path, unit, cache, change), integers)
    assert not np.array_equal(found.integers, Evaluation(unit, integers).logits)
