"""Networks computed in software, in exact integers, against the same model node by node in double precision."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from radioml.data.synthetic import generate_spread
from radioml.network.exact_qonnx import ExactQonnx
from radioml.network.integer_qonnx import IntegerQonnx
from tests.repository import REPOSITORY, SHARED

from .measure import Work, compare

FRAMES, BASELINE_FRAMES = 512, 32
"""Frames a call; the baseline's number is the fastest of those tried."""
_EXPORTS = {
    "polyphase": (REPOSITORY / "training" / "pretrained" / "polyphase.pth",),
    "robust_record": (REPOSITORY / "training" / "pretrained" / "robust_record.pth",),
    "vgg10 W8A8": (SHARED / "reference" / "pretrained_VGG10_w8a8_20.pth", "--topology", "vgg10"),
}


def software() -> dict[str, Any]:
    """Frames a second of processor time, one thread; networks whose checkpoint is not here are left out."""
    iq = generate_spread(FRAMES, 1).iq
    rates = {}
    for name, (checkpoint, *options) in _EXPORTS.items():
        if checkpoint.is_file():
            with tempfile.TemporaryDirectory() as run:
                model = _exported(checkpoint, Path(run), options)
            ours, theirs = IntegerQonnx(model), ExactQonnx(model)
            np.testing.assert_allclose(ours(iq[:BASELINE_FRAMES]), theirs(iq[:BASELINE_FRAMES]), atol=1e-9)
            baseline = {"node by node in double precision": _work(theirs, iq[:BASELINE_FRAMES])}
            rates[name] = compare(_work(ours, iq), baseline)
    return rates


def _work(network: ExactQonnx | IntegerQonnx, iq: np.ndarray) -> Work:
    def work() -> int:
        network(iq)
        return len(iq)

    return work


def _exported(checkpoint: Path, run: Path, options: list[str]) -> onnx.ModelProto:
    command = [sys.executable, "-m", "radioml", "export", str(checkpoint), "--run", str(run), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=REPOSITORY, env=os.environ)
    return onnx.load(run / "train" / "model.onnx")
