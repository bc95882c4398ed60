"""Frames, their logits, and the import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from radioml.contract.metadata import ImportOptions
from radioml.data.synthetic import generate_spread
from radioml.foreign.importing import Network, import_network
from radioml.network.exact_qonnx import ExactQonnx
from tests.networks import GraphWriter
from tests.radioml.foreign.their_network import FRAMES, SEED, written


@pytest.fixture(scope="package")
def iq() -> np.ndarray:
    """Frames float32 (16, 1024, 2)."""
    return generate_spread(FRAMES, 1).iq


@pytest.fixture(scope="package")
def expected(iq: np.ndarray) -> np.ndarray:
    """Logits of the network as our own exports write it, node by node."""
    return ExactQonnx(written(GraphWriter(SEED)))(iq)


@pytest.fixture
def imported(tmp_path: Path) -> Callable[..., Network]:
    """A function that imports a model with options."""

    def run(model: onnx.ModelProto, **options: object) -> Network:
        path = tmp_path / "theirs.onnx"
        path.write_bytes(model.SerializeToString())
        return import_network(path, ImportOptions(**options))

    return run
