"""The front end gives the same integers on every path, and refuses what it does not know."""

from __future__ import annotations

import pytest
import torch

from radioml.errors import RadioMLError
from training.models import create
from training.models.symbol_statistics import operations
from training.models.symbol_statistics.front_end import all_values
from training.models.symbol_statistics.statistics import STATISTICS, SUMMARIES

pytestmark = pytest.mark.training


def _frames() -> torch.Tensor:
    """Frames of small and large samples, of the extremes alone, and constant ones."""
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(-128, 128, (12, 2, 1024), generator=generator).float()
    frames[4:8] = (frames[4:8] * torch.rand(4, 1, 1, generator=generator)).round()
    frames[8:10] = torch.where(frames[8:10] < 0, -128.0, 127.0)
    frames[10], frames[11] = -128.0, 127.0
    return frames / 64


def test_fast_operations_give_the_integers_of_the_exported_ones(monkeypatch: pytest.MonkeyPatch):
    fast = all_values(_frames())
    monkeypatch.setattr(operations, "is_exported", lambda: True)
    plain = all_values(_frames())
    assert [name for name in fast if not torch.equal(fast[name][0], plain[name][0])] == []


def test_statistics_are_integers_of_their_unit_within_their_range():
    for name, (values, unit) in all_values(_frames()).items():
        of = STATISTICS[name.partition(".")[2] if name.partition(".")[0] in SUMMARIES else name]
        assert torch.equal((values / unit).round() * unit, values), name
        assert -of.high * of.signed <= values.min() and values.max() <= of.high, name


def test_an_unknown_statistic_is_named_with_what_was_meant():
    with pytest.raises(RadioMLError, match=r"unknown statistic of a phase 'h08'; did you mean 'h0.8'\?"):
        create("symbol_statistics", {"phase_statistics": ["h08"]})
    with pytest.raises(RadioMLError, match=r"of the whole frame 'max\.h9\*'"):
        create("symbol_statistics", {"whole_statistics": ["dc", "max.h9*"]})
