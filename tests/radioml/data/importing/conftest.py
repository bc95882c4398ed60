"""The frames that the tests import."""

from __future__ import annotations

import numpy as np
import pytest

from radioml.constants import CLASSES
from radioml.data.synthetic import generate_cell
from tests.radioml.data.importing.sources import (
    EACH,
    SNRS,
)


@pytest.fixture(scope="package")
def frames() -> np.ndarray:
    """Five frames of each class at 10 and at 30 dB, in the order of the data set, float32 (240, 1024, 2)."""
    rng = np.random.default_rng(8)
    return np.concatenate([generate_cell(rng, EACH, name, snr_db) for name in CLASSES for snr_db in SNRS])
