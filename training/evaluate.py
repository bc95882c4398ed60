"""Evaluating what the workstation makes, a checkpoint or its QONNX model, in the arithmetic of the accelerator.

Both are computed in exact integers (see `training.reference` and `radioml.exact_qonnx`), not in the single precision of
the training loop: so a checkpoint, its QONNX model and its RTL give the same class for every frame, and a difference
between their accuracies is an error, never rounding. `metrics.json` of a training run is in single precision and may
differ by a rare frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radioml import dataset
from radioml.check import origin
from radioml.errors import RadioMLError
from radioml.evaluation import Evaluation
from radioml.exact_qonnx import ExactQonnx
from radioml.metrics import measure
from radioml.model_metadata import load_exported
from radioml.quantiser import InputQuantiser
from radioml.split import spread_indices
from training.checkpoint import load_checkpoint
from training.reference import IntegerNetwork, input_quantiser


@dataclass(frozen=True)
class _Subject:
    """logits: frames float32 (N, 1024, 2) on the input grid -> logits (N, classes). The rest as in Evaluation."""

    name: str
    arithmetic: str
    training_data: dict[str, Any]
    quantiser: InputQuantiser
    logits: Callable[[np.ndarray], np.ndarray]
    batch_frames: int


def evaluate(
    path: Path,
    data: Path,
    part: str = "test",
    frames: int | None = None,
    topology: str | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Evaluation:
    """Evaluate a checkpoint (.pth) or a model that `radioml export` wrote (.onnx) on a part of a RadioML file.

    frames: how many, spread evenly over classes and SNRs; default all. topology: of bare sandbox weights, else None.
    A KeyboardInterrupt once frames have been classified ends the run and keeps them. Raises RadioMLError for an
    unusable file, a part with too few frames, and NaN samples.
    """
    source = origin(data)
    indices = spread_indices(dataset.frames_per_cell(data), frames, part)
    subject = _qonnx(path) if path.suffix == ".onnx" else _checkpoint(path, topology)
    class_index, snr_db, predicted = (np.empty(len(indices), np.int64) for _ in range(3))
    done, seconds = 0, 0.0
    progress(0, len(indices))
    try:
        while done < len(indices):
            batch = indices[done : done + subject.batch_frames]
            read = dataset.read_frames(data, batch)
            if (nan := np.isnan(read.iq).any((1, 2))).any():
                raise RadioMLError(
                    f"{data}: frame {batch[nan.argmax()]} contains NaN; `radioml data check {data}` shows what else is"
                )
            start = time.perf_counter()
            quantised = subject.quantiser.dequantise(subject.quantiser(read.iq))
            answer = subject.logits(quantised).argmax(1)
            seconds += time.perf_counter() - start
            place = slice(done, done + len(batch))
            class_index[place], snr_db[place], predicted[place] = read.class_index, read.snr_db, answer
            done += len(batch)
            progress(done, len(indices))
    except KeyboardInterrupt:
        if not done:
            raise
    metrics = measure(class_index[:done], snr_db[:done], predicted[:done])
    return Evaluation(
        subject.name, subject.arithmetic, source, part, len(indices), metrics, subject.training_data, seconds
    )


def _checkpoint(path: Path, topology: str | None) -> _Subject:
    trained = load_checkpoint(path, topology)
    quantiser = input_quantiser(trained.network)
    network = IntegerNetwork(trained.network)
    arithmetic = "the Brevitas network in exact integers"
    return _Subject("checkpoint", arithmetic, trained.training_data, quantiser, network, 512)


def _qonnx(path: Path) -> _Subject:
    model, metadata = load_exported(path)
    network = ExactQonnx(model)

    def integers(iq: np.ndarray) -> np.ndarray:
        # rounded, because two logits that are the same integer may differ in their last float digit
        return np.rint(network(iq) / metadata.logit_scale)

    arithmetic = "the QONNX graph in exact integers"
    return _Subject("qonnx", arithmetic, metadata.training_data, metadata.quantiser, integers, 32)
