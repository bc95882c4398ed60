"""Statistics of a file: equal to the front end's, computed once, continued, and computed again where they must be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from radioml.data.dataset import read_frames
from tests.training.statistics_network import StatisticsForTests
from training.data import statistics_cache
from training.data.batches import StatisticsOfFrames
from training.data.statistics_cache import cached_statistics
from training.models.on_statistics import answer
from training.trained.reference import input_quantiser

FRAMES = 2 * 624


@pytest.fixture
def data(synthetic_file: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(statistics_cache, "_FRAMES_A_BLOCK", 500)
    return Path(shutil.copy(synthetic_file(2), tmp_path))


class Steps:
    """A progress callback that records how many frames were computed, and may end the work."""

    def __init__(self, end_at: int = FRAMES + 1) -> None:
        self.end_at, self.seen = end_at, []

    def __call__(self, what: str, done: int, _total: int) -> None:
        if what == "computing statistics":
            self.seen.append(done)
            if done >= self.end_at:
                raise KeyboardInterrupt


def _cached(data: Path, network: StatisticsForTests, steps: Steps) -> np.ndarray:
    return cached_statistics(data, network, input_quantiser(network), steps)


def _expected(data: Path, network: StatisticsForTests) -> np.ndarray:
    iq = torch.from_numpy(read_frames(data, np.arange(FRAMES)).iq).permute(0, 2, 1)
    return torch.cat([part.flatten(1) for part in network.front_end(iq)], 1).numpy()


def test_rows_are_what_the_front_end_gives_and_the_head_takes(data: Path):
    network = StatisticsForTests().eval()
    frames = StatisticsOfFrames(data, network, Steps())
    rows, class_index, _, _ = frames[[5, 700]]
    iq = read_frames(data, np.array([5, 700]))
    np.testing.assert_array_equal(rows.numpy(), _expected(data, network)[[5, 700]])
    np.testing.assert_array_equal(class_index.numpy(), iq.class_index)
    with torch.no_grad():
        assert torch.equal(answer(network, rows), network(torch.from_numpy(iq.iq).permute(0, 2, 1)))


def test_they_are_computed_once_for_a_front_end(data: Path):
    first, again, other = Steps(), Steps(), Steps()
    _cached(data, StatisticsForTests(), first)
    _cached(data, StatisticsForTests(units=3), again)
    rows = _cached(data, StatisticsForTests(samples=9), other)
    assert (first.seen, again.seen) == ([500, 1000, FRAMES], [])
    assert other.seen and rows.shape == (FRAMES, 25)


@pytest.mark.parametrize("damage", [None, "rows", "record"])
def test_an_interrupted_computation_goes_on_unless_it_was_damaged(data: Path, tmp_path: Path, damage: str | None):
    network, steps = StatisticsForTests(), Steps()
    with pytest.raises(KeyboardInterrupt):
        _cached(data, network, Steps(end_at=1000))
    (partial,) = (tmp_path / "cache").rglob("*.partial")
    if damage == "rows":
        partial.write_bytes(b"\xff" + partial.read_bytes()[1:])
    elif damage == "record":
        partial.with_suffix(".partial.json").write_text('{"rows": 1000')
    np.testing.assert_array_equal(_cached(data, network, steps), _expected(data, network))
    assert steps.seen == ([FRAMES] if damage is None else [500, 1000, FRAMES])
    assert not list((tmp_path / "cache").rglob("*.partial*"))


def test_a_damaged_cache_is_computed_again(data: Path, tmp_path: Path):
    network, steps = StatisticsForTests(), Steps()
    _cached(data, network, Steps())
    (cached,) = (tmp_path / "cache").rglob("statistics-*.int8")
    content = bytearray(cached.read_bytes())
    content[777] ^= 1
    cached.write_bytes(content)
    np.testing.assert_array_equal(_cached(data, network, steps), _expected(data, network))
    assert steps.seen


def test_values_that_are_no_levels_are_refused():
    network = StatisticsForTests()
    network.front_end.forward = lambda iq: (torch.full((len(iq), 20), 0.5),)  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="no integers of 8 bits"):
        network.rows(torch.zeros(1, 2, 1024))
