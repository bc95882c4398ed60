"""The data that small trainings see."""

from __future__ import annotations

from pathlib import Path

import pytest

from radioml.data.synthetic import write_dataset


@pytest.fixture(scope="package")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic frames, six a cell."""
    path = tmp_path_factory.mktemp("data") / "six.hdf5"
    write_dataset(path, 6, seed=1)
    return path
