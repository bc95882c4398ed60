"""The front end gives the same integers on every path, and refuses what it does not know."""

from __future__ import annotations

import pytest
import torch

from radioml.errors import RadioMLError
from training.models import create
from training.models.symbol_statistics import operations
from training.models.symbol_statistics.front_end import Levels, all_values, unit_of
from training.models.symbol_statistics.standardisation import LEVELS, standardisation
from training.models.symbol_statistics.statistics import (
    PHASE_NAMES,
    STATISTICS,
    SUMMARIES,
    WHOLE_NAMES,
    documentation,
)  # fmt: skip

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


@pytest.mark.parametrize("shift", range(1, 14))
def test_requantising_rounds_halves_up_over_the_whole_range(shift: int, monkeypatch: pytest.MonkeyPatch):
    """Small integers and the ends of single precision: the same on both paths, and what hardware's shift gives."""
    ends = torch.arange(2**16, dtype=torch.int64)
    integers = torch.cat([ends - 2**15, 2**22 - ends, ends - 2**22])
    wanted = ((integers + 2 ** (shift - 1)) >> shift).clamp(-(2**17), 2**17 - 1).float()
    found = operations.requantised(integers.float() / 64, 1 / 64, 2.0**shift / 64, 18, signed=True)
    monkeypatch.setattr(operations, "is_exported", lambda: True)
    plain = operations.requantised(integers.float() / 64, 1 / 64, 2.0**shift / 64, 18, signed=True)
    assert torch.equal(found, wanted * 2.0**shift / 64) and torch.equal(plain, found)


def test_standardisation_in_single_precision_gives_the_integer_level_of_every_value():
    """Both are monotone, so that they agree everywhere if they do on both sides of each step between levels."""
    for name in (*PHASE_NAMES, *WHOLE_NAMES):
        of = STATISTICS[name.partition(".")[2] if name.partition(".")[0] in SUMMARIES else name]
        scale = standardisation(name, unit_of(name))
        highest = int(of.high / scale.unit)
        assert highest < 2**24, name
        begins = [-(-((level << scale.shift) - scale.offset) // scale.factor) for level in range(-LEVELS, LEVELS + 1)]
        lowest = -highest if of.signed else 0
        integers = sorted({max(lowest, min(highest, x)) for begin in begins for x in (begin - 1, begin)})
        values = torch.tensor(integers, dtype=torch.float64) * scale.unit
        found = Levels([scale])(values.float().reshape(-1, 1, 1, 1)).flatten()
        assert found.tolist() == [scale.level(x) for x in integers], name


def test_every_statistic_is_documented_and_a_summary_says_of_what():
    assert len(documentation()) == len(STATISTICS)
    (line,) = documentation("max.z4x8")
    assert line.startswith("max.z4x8: max over 4 phases of z4x8: 8 x (|mean of z^4|^2), at most 1; 0 to 1, ")
    assert line.endswith("filters: equaliser, z2, z4")
