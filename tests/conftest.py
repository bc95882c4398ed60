from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "reference"


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder with a network that others trained on the real data set."""
    if not SHARED.exists():
        pytest.skip("../shared/reference (a network trained on the real data set) is absent")
    return SHARED
