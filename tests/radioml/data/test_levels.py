"""Warnings of odd levels of frames; RadioML's own frames must give no warning."""

from __future__ import annotations

import numpy as np
import pytest

from radioml.data.levels import LevelWatch, constant, deviations
from radioml.data.synthetic import generate_spread
from tests.radioml.data.small_files import noise


def warnings_of(iq: np.ndarray, class_index: np.ndarray | None = None, batch: int = 7) -> str:
    watch = LevelWatch()
    for start in range(0, len(iq), batch):
        part = slice(start, start + batch)
        watch.add(iq[part], None if class_index is None else class_index[part])
    return "\n".join(watch.warnings())


@pytest.fixture(scope="module")
def frames():
    return generate_spread(1248, 4)


def test_radioml_frames_pass_without_a_word(frames):
    assert warnings_of(frames.iq, frames.class_index) == "" == warnings_of(frames.iq)


@pytest.mark.parametrize("scale", [1e-6, 0.02, 0.7, 1.4, 64, 1000, 1e30])
def test_another_level_is_named(frames, scale: float):
    found = warnings_of(frames.iq * np.float32(scale), frames.class_index)
    assert f"standard deviation is {scale:.3g} (median of 1,248), RadioML frames have 1" in found
    assert ("beyond +-2" in found) == (scale > 1)


def test_a_dc_offset_is_clipping(frames):
    assert "beyond +-2, where the input quantiser cuts them off: too high a level, or a DC offset" in warnings_of(
        noise(20) + np.float32(3)
    )


def test_zero_and_constant_frames_are_counted_and_the_first_named():
    iq = noise(40)
    iq[[3, 20]] = 0
    iq[11] = (0.5, -0.25)
    iq[12, :, 0] = np.nan  # for others to say
    found = warnings_of(iq)
    assert "2 frames of 40 are zero in all samples, first frame 3" in found
    assert "1 frame of 40 is constant: the same value in all samples, first frame 11" in found
    assert len(found.splitlines()) == 2


def test_a_few_frames_of_another_level_are_counted():
    iq = noise(40)
    iq[17] *= 3
    iq[30] *= np.float32(1e-3)
    assert "2 frames of 40 have a standard deviation under 0.5 or over 2.0 (RadioML: 1), first frame 17" in warnings_of(
        iq
    )


@pytest.mark.parametrize("offset", [0, 1, 100, 1e5])
@pytest.mark.parametrize("scale", [1e-20, 1e-3, 1, 1e3, 1e18])
def test_deviations_are_those_of_double_precision(offset: float, scale: float):
    iq = ((noise(5) + np.float32(offset)) * np.float32(scale)).astype(np.float32)
    exact = (iq.astype(np.float64)[..., 0] + 1j * iq[..., 1]).std(1)
    assert np.allclose(deviations(iq), exact, rtol=2e-3, atol=0)


def test_constant_frames_are_told_from_nearly_constant_ones():
    iq = np.ones((3, 1024, 2), np.float32)
    iq[1, 1023, 1] = np.nextafter(np.float32(1), np.float32(2))
    assert constant(iq).tolist() == [True, False, True]
