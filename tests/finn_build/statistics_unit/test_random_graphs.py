"""Graphs nobody thought of: every tensor is that of the exact evaluation."""

from __future__ import annotations

import pytest

from tests.finn_build.statistics_unit.graphs import assert_equal, frames, random_graph


@pytest.mark.parametrize("lanes", [8, 1])
@pytest.mark.parametrize("seed", range(3))
def test_a_random_graph(seed, lanes):
    graph = random_graph(seed)
    assert_equal(graph.model(), graph.unit(lanes), frames(1, seed))
