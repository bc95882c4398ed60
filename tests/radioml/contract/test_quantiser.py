"""The input quantiser: the integers that the challenge's networks were trained on."""

from __future__ import annotations

import numpy as np
import pytest

from radioml.contract.quantiser import InputQuantiser, usable

EIGHT_BITS = InputQuantiser(bits=8, scale=1 / 64)


def test_ties_go_to_the_even_integer():
    ties = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5], np.float32) / 64
    assert EIGHT_BITS(ties).tolist() == [0, 2, 2, 0, -2, -2]


def test_values_outside_the_range_are_clipped():
    assert EIGHT_BITS(np.array([2, 100, np.inf, -2, -100, -np.inf], np.float32)).tolist() == [127] * 3 + [-128] * 3
    narrow = InputQuantiser(bits=4, scale=0.25)
    assert (narrow.minimum, narrow.maximum) == (-8, 7)
    assert narrow(np.array([9.0, -9.0, 0.3], np.float32)).tolist() == [7, -8, 1]


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        EIGHT_BITS(np.array([[0, np.nan]], np.float32))


def test_it_is_clip_of_round_of_64_x():
    iq = np.random.default_rng(0).normal(0, 1.2, (50, 1024, 2)).astype(np.float32)
    integers = EIGHT_BITS(iq)
    assert integers.dtype == np.int8
    assert np.array_equal(integers, np.clip(np.round(64 * iq), -128, 127))
    inside = np.abs(iq) < 1.98
    assert np.abs(EIGHT_BITS.dequantise(integers) - iq)[inside].max() <= 0.5 / 64


def plainly(iq: np.ndarray, quantiser: InputQuantiser) -> np.ndarray:
    """The rule by its definition."""
    with np.errstate(over="ignore"):
        steps = np.rint(np.divide(iq, np.float32(quantiser.scale), dtype=np.float32))
    return np.clip(steps, quantiser.minimum, quantiser.maximum).astype(np.int8)


SCALES = [1 / 64, 1.0, 2.0**-30, 2.0**60, 2.0**-120, 2.0**100, 0.1, 1 / 63, 3.7e-5]


@pytest.mark.filterwarnings("error:invalid value")
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_it_is_the_plain_rule_for_floats_of_every_size_and_at_every_tie(bits: int, scale: float):
    quantiser = InputQuantiser(bits, scale)
    everywhere = np.arange(0, 2**32, 9973, dtype=np.uint64).astype(np.uint32).view(np.float32)
    ties = (np.arange(-300, 301) / 2).astype(np.float32) * np.float32(scale)
    beside = [np.nextafter(ties, np.float32(side)) for side in (-np.inf, np.inf)]
    iq = np.concatenate([everywhere[~np.isnan(everywhere)], ties, *beside])
    assert len(iq) > 3 * 2**17, "several blocks and a part of one"
    np.testing.assert_array_equal(quantiser(iq), plainly(iq, quantiser))


def test_doubles_and_frames_that_are_no_block_in_memory():
    iq = np.random.default_rng(0).normal(0, 1, (4, 2, 1024))
    for samples in (iq, iq.transpose(0, 2, 1), iq.astype(np.float32).transpose(0, 2, 1), iq[0, 0, 0], iq[:0]):
        np.testing.assert_array_equal(EIGHT_BITS(samples), plainly(samples, EIGHT_BITS))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [1 / 64, 0.1])
@pytest.mark.parametrize("bits_of_nan", [0x7FC00000, 0xFFC00000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_one_nan_anywhere_is_refused(bits_of_nan: int, scale: float):
    for position in (0, 1, 2**17 - 1, 2**17, 200_001):
        iq = np.full(200_002, np.inf, np.float32)
        iq.view(np.uint32)[position] = bits_of_nan
        with pytest.raises(ValueError, match="NaN"):
            InputQuantiser(8, scale)(iq)


def test_clipped_counts_what_is_cut_off():
    iq = np.zeros((2, 1024, 2), np.float32)
    iq[:, :4, 0] = np.array([127.4, 127.5, -128.5, -128.6]) / 64  # 127.5 rounds to 128, -128.5 to -128: ties to even
    iq[1, 900, 1] = 3e38
    assert EIGHT_BITS.frames(iq).clipped == 2 * 2 + 1


@pytest.mark.parametrize("scale", [1 / 64, 0.1])
@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
def test_frames_with_nan_or_infinity_are_told_and_left_out(value: float, scale: float):
    quantiser = InputQuantiser(4, scale)
    iq = np.random.default_rng(1).normal(0, 1, (100, 1024, 2)).astype(np.float32)
    for unusable in ([0], [31, 32], [99], []):  # 32 frames are a block
        broken = iq.copy()
        broken[unusable, 700, 1] = value
        found = quantiser.frames(broken)
        rest = np.setdiff1d(np.arange(100), unusable)
        assert np.array_equal(np.flatnonzero(~found.usable), unusable)
        assert np.array_equal(found.usable, usable(broken))
        assert np.array_equal(found.integers[rest], quantiser(iq[rest])) and not found.integers[unusable].any()
        steps = np.rint(iq[rest] / np.float32(scale))
        assert found.clipped == ((steps < -8) | (steps > 7)).sum() > 0


def test_large_finite_values_are_usable():
    iq = np.full((2, 1024, 2), -3e38, np.float32)
    found = EIGHT_BITS.frames(iq)
    assert found.usable.all() and (found.integers == -128).all() and found.clipped == iq.size


def test_the_samples_given_are_left_alone():
    iq = np.full((1, 1024, 2), 0.1, np.float32)
    EIGHT_BITS(iq)
    assert (iq == np.float32(0.1)).all()


@pytest.mark.parametrize(("bits", "scale"), [(1, 1), (9, 1), (8, 0), (8, -1), (8, float("nan")), (8, float("inf"))])
def test_impossible_quantisers_are_refused(bits, scale):
    with pytest.raises(ValueError, match="input quantiser"):
        InputQuantiser(bits, scale)
