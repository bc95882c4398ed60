from __future__ import annotations

import numpy as np
import pytest

from tests.deploy.sources.sigmf_files import SAMPLES


@pytest.fixture(scope="package")
def integers() -> np.ndarray:
    """I and Q as int16, of which the upper byte is an exact int8, too."""
    return np.random.default_rng(1).integers(-128, 128, (SAMPLES, 2)).astype("<i2") * 256
