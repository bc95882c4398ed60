"""Golden frames: damaged or foreign ones are refused, for the run directory's file and in a package alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from radioml.contract.golden import read_golden
from radioml.errors import RadioMLError
from tests.radioml.reading.damage import damaged

IQ = np.random.default_rng(0).normal(size=(3, 1024, 2)).astype(np.float32)
LOGITS = np.arange(72).reshape(3, 24)


def test_damaged_golden_frames_are_refused_or_what_they_were(tmp_path: Path):
    path = tmp_path / "golden.npz"
    np.savez_compressed(path, iq=IQ, logits=LOGITS)
    for changed in damaged(path.read_bytes(), flips=200):
        path.write_bytes(changed)
        try:
            iq, logits = read_golden(path)
        except RadioMLError as error:
            assert str(error).startswith(f"{path}: ")
        else:
            assert np.array_equal(iq, IQ) and np.array_equal(logits, LOGITS)


@pytest.mark.parametrize(
    ("iq", "logits"),
    [
        (IQ[:1], LOGITS[:1]), (IQ, LOGITS[:2]), (IQ[:, :512], LOGITS), (IQ, LOGITS[:, 0]), (IQ.astype(float), LOGITS),
        (IQ, LOGITS.astype(np.float32)), (IQ, LOGITS.astype(np.int32)), (np.where(IQ > 2, np.nan, IQ), LOGITS),
        (np.where(IQ > 2, np.inf, IQ), LOGITS), (IQ[0], LOGITS[0]),
    ],
)  # fmt: skip
def test_arrays_that_are_no_golden_frames(iq: np.ndarray, logits: np.ndarray, tmp_path: Path):
    np.savez(tmp_path / "golden.npz", iq=iq, logits=logits)
    with pytest.raises(RadioMLError, match=r"golden\.npz: .* frames and .* logits; expected finite float32"):
        read_golden(tmp_path / "golden.npz")


def test_arrays_of_other_names(tmp_path: Path):
    np.savez(tmp_path / "golden.npz", frames=IQ, logits=LOGITS)
    with pytest.raises(RadioMLError, match=r"golden\.npz: no array iq in it"):
        read_golden(tmp_path / "golden.npz")
