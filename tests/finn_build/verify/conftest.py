from __future__ import annotations

import pytest

from finn_build.verify.rung import Reference
from radioml.data.dataset import Frames
from radioml.data.synthetic import generate_spread
from training.trained.inner_levels import inner_levels


@pytest.fixture(scope="package")
def frames() -> Frames:
    """One frame at each SNR."""
    return generate_spread(26, seed=11)


@pytest.fixture(scope="package")
def reference(small_build, frames) -> Reference:
    """What the trained network of the small build makes of `frames`."""
    trained = inner_levels(small_build.run / "train" / "checkpoint.pth", frames.iq)
    return Reference(trained.logits, trained.layers, trained.classifier)
