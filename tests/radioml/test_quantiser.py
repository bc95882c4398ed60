"""The input quantiser: the integers that the challenge's networks were trained on."""

from __future__ import annotations

import numpy as np
import pytest

from radioml.quantiser import InputQuantiser

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


def test_the_samples_given_are_left_alone():
    iq = np.full((1, 1024, 2), 0.1, np.float32)
    EIGHT_BITS(iq)
    assert (iq == np.float32(0.1)).all()


@pytest.mark.parametrize(("bits", "scale"), [(1, 1), (9, 1), (8, 0), (8, -1), (8, float("nan")), (8, float("inf"))])
def test_impossible_quantisers_are_refused(bits, scale):
    with pytest.raises(ValueError, match="input quantiser"):
        InputQuantiser(bits, scale)
