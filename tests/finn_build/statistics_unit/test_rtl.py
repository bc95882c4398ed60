"""The unit's RTL in Verilator: integer-equal to its evaluator, and planted faults are seen."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from finn_build.boards import load_board
from finn_build.stages.unit_hdl import write_hdl
from finn_build.statistics_unit.evaluator import Evaluation
from finn_build.statistics_unit.modules import MODULE
from finn_build.statistics_unit.schedule import schedule
from finn_build.statistics_unit.unit import Unit
from radioml.cache import Cache
from radioml.simulation.design import Design
from radioml.simulation.rtl_simulator import RtlSimulator, SimulationRun
from radioml.simulation.verilator import compile_simulator
from tests.finn_build.statistics_unit.graphs import Graph, frames, rows

WAYS = {
    "back to back": {},
    "gaps between words": {"initiation_interval": 700},
    "gaps between frames": {"pauses": np.arange(1, 9) * 29},
    "random stalls": {"stall_seed": 1},
}


def network() -> Graph:
    """Neighbours with zeros around, squares, accumulators, phases in turn, a layer with gains, logits in turn."""
    graph = Graph()
    x = graph.phases()
    y = graph.quant(graph.pool(graph.pool(x, (2, 1), (1, 1), (1, 0, 1, 0)), (2, 1), (1, 1)), 1.0, 8)
    squares = graph.quant(graph.node("Mul", y, y), 64.0, 8, signed=0)
    ramps = graph.node("Clip", graph.node("Mul", graph.node("Sub", squares, 9.0), 1.25), 0.0, 64.0)
    means = graph.pool(graph.node("Concat", y, squares, ramps, axis=1), (128, 1))
    levels = graph.quant(graph.node("Add", graph.node("Mul", means, 5.0), 0.25), 2.0, 8, narrow=1)
    weights = np.random.default_rng(0).integers(-3, 4, (5, 6, 1, 1)).astype(np.float32)
    highest = graph.pool(graph.node("Conv", levels, weights), (1, 8), kind="MaxPool")
    gains = np.array([0.5, -1.25, 0.75, 3.0, 0.6875]).reshape(1, 5, 1, 1)
    graph.finish(graph.node("Add", graph.node("Mul", highest, gains), gains))
    return graph


def compiled(folder: Path, unit: Unit, cache: Cache, change=lambda text: text) -> tuple[Path, Design]:
    design = write_hdl(unit, schedule(unit), load_board("ZCU104"), folder)
    source = folder / f"{MODULE}.sv"
    before = source.read_text()
    source.write_text(change(before))
    compile_simulator(folder, folder / "library.so", cache, optimise=False)
    return folder / "library.so", design


def run(made: tuple[Path, Design], integers: np.ndarray, **way) -> SimulationRun:
    library, design = made
    with RtlSimulator(library, library.parent, design.input, design.output) as simulator:
        return simulator.run(integers, timeout_cycles=2000, **way)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    return Cache(folder, folder)


@pytest.fixture(scope="module")
def unit():
    return network().unit()


@pytest.fixture(scope="module")
def integers():
    return frames(6, seed=3)


@pytest.fixture(scope="module")
def good(unit, cache, tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("good"), unit, cache)


@pytest.mark.rtl
@pytest.mark.parametrize("way", WAYS)
def test_the_rtl_is_integer_equal_to_the_evaluator(way, good, unit, integers):
    found = run(good, integers, **WAYS[way])
    assert np.array_equal(found.integers, Evaluation(unit, integers).logits)


@pytest.mark.rtl
def test_one_sample_a_cycle(cache, integers, tmp_path):
    unit = network().unit(lanes=1)
    found = run(compiled(tmp_path, unit, cache), integers, stall_seed=2)
    assert np.array_equal(found.integers, Evaluation(unit, integers).logits)


@pytest.mark.rtl
@pytest.mark.parametrize("wrong", [None, 31, 32])
def test_long_delay_lines_are_memories(wrong, cache, integers, tmp_path):
    """And one that is a move too short is noticed."""

    def change(text: str) -> str:
        assert all(f".LENGTH({moves})" in text for moves in (31, 32))
        return text.replace(f".LENGTH({wrong})", f".LENGTH({wrong and wrong - 1})")

    unit = rows().unit(lanes=1)
    found = run(compiled(tmp_path, unit, cache, change), integers, stall_seed=3)
    assert np.array_equal(found.integers, Evaluation(unit, integers).logits) == (wrong is None)


@pytest.mark.rtl
def test_a_frame_takes_its_beats_and_its_fillers(good, unit, integers):
    timing = schedule(unit)
    found = run(good, integers)
    assert (np.diff(found.last_out) == 128 + timing.fillers).all()
    assert timing.fillers == 1
    # The last beat's slot, the fillers, the start, the serial part, and the cycle in which the queue takes a result.
    expected = timing.fillers + timing.start + timing.length
    assert set((found.last_out - found.last_in).tolist()) == {expected}


def not_cleared(text: str) -> str:
    return re.sub(r"\(now\d+ \? 1'sd0 : (w\d+)\)", r"\1", text, count=1)


def one_bit_short(text: str) -> str:
    """The first accumulator."""
    name = re.search(r"(w\d+) <= .* \+ \(now\d+ \?", text)[1]
    return re.sub(rf"\[(\d+):0\]  {name};", lambda found: f"[{int(found[1]) - 1}:0]  {name};", text, count=1)


def a_beat_early(text: str) -> str:
    """The first sum that reads a delay line reads what comes into it."""
    delayed, source = re.search(r"if\(tick\[\d+\]\)  (r\d+) <= (w\d+);", text).groups()
    return re.sub(rf"'\({delayed}\)", f"'({source})", text)


@pytest.mark.rtl
@pytest.mark.parametrize("fault", [not_cleared, one_bit_short, a_beat_early])
def test_a_planted_fault_is_seen(fault, unit, cache, integers, tmp_path):
    def change(text: str) -> str:
        changed = fault(text)
        assert changed != text
        return changed

    found = run(compiled(tmp_path, unit, cache, change), integers)
    assert not np.array_equal(found.integers, Evaluation(unit, integers).logits)
