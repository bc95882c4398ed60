"""The RTL of our own layers alone, at random shapes, widths and foldings, in Verilator against NumPy.

`python -m tests.bench.layers` does the same with hundreds of cases of each layer.
"""

from __future__ import annotations

import pytest

from tests.finn_build.rtl_layers.layer_bench import Bench, in_bytes
from tests.finn_build.rtl_layers.layer_kinds import FAULTS, KINDS, bench_of, random_units, sound_units
from tests.finn_build.rtl_layers.window_units import Bias, Pool

pytestmark = pytest.mark.rtl

CASES = 6
"""Random units of each kind."""
WAITING = [Pool(16, 1, 1, False), Bias(1, 3, 6, False)]


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return bench_of(tmp_path_factory.mktemp("layers"), [*random_units(CASES), *WAITING], FAULTS)


@pytest.fixture(scope="module")
def sound(bench):
    return sound_units(bench)


def test_a_word_a_cycle_without_a_gap_and_under_pauses_on_both_sides(bench, sound):
    right = bench.units[: len(bench.units) - len(FAULTS)]
    assert len(right) == CASES * len(KINDS) + len(WAITING)
    assert [unit for unit in right if unit not in sound] == []


def test_every_planted_fault_is_seen(bench, sound):
    faulty = bench.units[-len(FAULTS) :]
    assert {fault[0] for fault in FAULTS.values()} == {unit.module for unit in random_units(1)}
    assert [unit for unit in faulty if unit in sound] == []


def test_a_pool_waits_with_its_last_word_alone(bench):
    """A consumer that takes a word in half of the cycles slows a layer of a word a cycle down, but not a pool of 16."""
    streamed = bench.stream(4, 2)
    pool, bias = (unit.inputs()[0].words for unit in WAITING)
    assert streamed[WAITING[0]][0].last < 1.05 * pool
    assert streamed[WAITING[1]][0].last > 1.8 * bias


def test_no_word_is_wider_than_the_bench(bench):
    for unit in bench.units:
        assert all(in_bytes(port.pe * port.bits) <= 64 for port in unit.inputs()), unit
