from __future__ import annotations

from pathlib import Path

import numpy as np

from radioml.contract.metadata import load_exported
from radioml.data.synthetic import generate_spread
from radioml.files import sha256
from radioml.network.integer_qonnx import IntegerQonnx
from radioml.shipped import NETWORK
from tests.repository import REPOSITORY
from training.trained.export import export


def test_the_shipped_model_is_that_of_the_shipped_checkpoint(tmp_path: Path):
    checkpoint = REPOSITORY / "training" / "pretrained" / "polyphase.pth"
    model, metadata = load_exported(NETWORK)
    assert metadata.checkpoint_sha256 == sha256(checkpoint), (
        "radioml/shipped/polyphase.onnx is of another checkpoint: export training/pretrained/polyphase.pth and copy "
        "its model.onnx there"
    )
    again, same = load_exported(export(checkpoint, tmp_path))
    assert same == metadata
    iq = generate_spread(52, 9).iq
    np.testing.assert_array_equal(IntegerQonnx(model)(iq), IntegerQonnx(again)(iq))
