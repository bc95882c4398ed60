"""The samples a cycle of a statistics unit follow from the goal."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from finn_build.boards import load_board
from finn_build.exploration.all_pairs import _unit_problem
from finn_build.exploration.choose_folding import DoesNotFitError, Goal
from finn_build.exploration.choose_lanes import SAMPLES, choose_lanes
from finn_build.statistics_unit.unit import LANES
from tests.finn_build.statistics_unit.graphs import LOGIT_SCALE, Graph

BOARD = load_board("ZCU104")


def squares(after=None):
    """Means of squares, or of a function of them."""
    graph = Graph()
    x = graph.phases()
    x = graph.node("Mul", x, x)
    graph.results(graph.node(after, x) if after else x)
    return graph.model()


def with_resources(**counts):
    return BOARD.model_copy(update={"usable": {**BOARD.usable, **counts}})


def chosen(board, goal):
    return choose_lanes(squares(), LOGIT_SCALE, board, goal)


def test_fit_is_as_many_samples_as_the_margin_leaves_room_for():
    by_lanes = {lanes: chosen(BOARD, Goal(target_fps=lanes * 200_000)) for lanes in LANES}
    assert {lanes: one.layers[0].folding[SAMPLES] for lanes, one in by_lanes.items()} == {
        lanes: lanes for lanes in LANES
    }
    luts = [one.total["LUT"] for one in by_lanes.values()]
    assert luts == sorted(set(luts))
    for lanes, one in by_lanes.items():
        enough = -(-one.total["LUT"] * 10 // 8)
        for count, margin in ((enough, 20), (one.total["LUT"], 0)):
            found = chosen(with_resources(LUT=count), Goal(margin_percent=margin))
            assert found.layers[0].folding == {SAMPLES: lanes}


def test_a_board_without_room_for_one_sample_a_cycle():
    with pytest.raises(DoesNotFitError, match=r"even with one sample a cycle: it needs [\d,]+ LUT of 8;") as caught:
        chosen(with_resources(LUT=10), Goal(margin_percent=20))
    assert caught.value.smallest.layers[0].folding == {SAMPLES: 1}


def test_a_node_without_rtl_is_what_keeps_the_network_from_an_estimate():
    metadata = SimpleNamespace(logit_scale=LOGIT_SCALE)
    assert _unit_problem(squares(), metadata) == ""
    assert _unit_problem(squares("Sigmoid"), metadata).startswith("Sigmoid n")
