"""Accuracy of a checkpoint or a QONNX model, in the integer arithmetic of the accelerator.

Checkpoint and QONNX model are both computed in exact integers (see `training.trained.reference` and
`radioml.network.integer_qonnx`). Checkpoint, model and RTL therefore give the same class for every frame, and a
difference between their accuracies is an error. The training loop works in single precision, so `metrics.json` of a run
may differ in a few frames: in 192 of 49,920 for the shipped network.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioml.constants import CLASSES
from radioml.contract.metadata import load_exported
from radioml.contract.quantiser import InputQuantiser
from radioml.contract.training_data import TrainingData
from radioml.data import dataset
from radioml.data.class_names import class_indices
from radioml.data.levels import LevelWatch
from radioml.data.provenance import origin
from radioml.data.split import spread_indices
from radioml.errors import RadioMLError, problem
from radioml.network.exact_qonnx import logits_as_integers
from radioml.network.integer_qonnx import IntegerQonnx
from radioml.report.evaluation import Evaluation
from radioml.report.metrics import measure
from training.trained.checkpoint import load_checkpoint
from training.trained.reference import IntegerNetwork, input_quantiser

_READ_AT_ONCE = 512
"""Frames between two reports of progress."""


@dataclass(frozen=True)
class _Subject:
    """What is evaluated; fields without a line here are those of Evaluation.

    classes: int64, index of the class of each logit.
    logits: frames float32 (N, 1024, 2) on the input grid -> logits (N, classes).
    batch_frames: frames in one call of `logits`.
    """

    name: str
    arithmetic: str
    training_data: TrainingData
    quantiser: InputQuantiser
    classes: np.ndarray
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

    Frames with NaN or infinite samples are left out and counted. A KeyboardInterrupt or an unreadable part of the file
    ends the evaluation early; the result then covers the frames classified so far.

    Args:
        path: the checkpoint or model.
        data: the RadioML file.
        part: "train", "validation", "test" or "all".
        frames: number of frames, spread evenly over classes and SNRs; None: all of the part.
        topology: the network of bare sandbox weights, else None.
        progress: called with the number of frames done and of all.

    Returns:
        The evaluation; its `problem` says why it ended early.

    Raises:
        RadioMLError: for a file, model or part that cannot be used, and where no frame is usable.
    """
    source = origin(data)
    layout = dataset.read_layout(data)
    subject = _qonnx(path) if path.suffix == ".onnx" else _checkpoint(path, topology)
    indices = spread_indices(layout, frames, part, subject.classes)
    predicted, usable = np.empty(len(indices), np.int64), np.zeros(len(indices), bool)
    levels = LevelWatch(-subject.quantiser.minimum * subject.quantiser.scale)
    done, seconds, ended = 0, 0.0, ""
    progress(0, len(indices))
    try:
        while done < len(indices):
            iq = dataset.read_iq(data, indices[done : done + subject.batch_frames])
            start = time.perf_counter()
            batch = subject.quantiser.frames(iq)
            integers = batch.integers[batch.usable]
            winners = subject.logits(subject.quantiser.dequantise(integers)).argmax(1) if len(integers) else []
            seconds += time.perf_counter() - start
            place = slice(done, done + len(iq))
            levels.add(iq, layout.labels(indices[place])[0])
            usable[place] = batch.usable
            predicted[place][batch.usable] = subject.classes[winners]
            done += len(iq)
            progress(done, len(indices))
    except (KeyboardInterrupt, RadioMLError) as error:
        if not done:
            raise
        ended = problem(error)
        usable[done:] = False
    if not usable.any():
        raise RadioMLError(
            f"{data}: all {done} frames have NaN or infinite samples; `radioml data check {data}` shows what is wrong"
        )
    class_index, snr_db = layout.labels(indices[usable])
    return Evaluation(
        subject.name, subject.arithmetic, source, part, len(indices), measure(class_index, snr_db, predicted[usable]),
        subject.training_data, seconds, int(done - usable.sum()), ended, levels.warnings(),
    )  # fmt: skip


def _checkpoint(path: Path, topology: str | None) -> _Subject:
    trained = load_checkpoint(path, topology)
    quantiser = input_quantiser(trained.network)
    network = IntegerNetwork(trained.network)
    arithmetic = "the Brevitas network in exact integers"
    return _Subject(
        "checkpoint", arithmetic, trained.training_data, quantiser, np.arange(len(CLASSES)), network, _READ_AT_ONCE
    )


def _qonnx(path: Path) -> _Subject:
    model, metadata = load_exported(path)
    network = IntegerQonnx(model)

    def integers(iq: np.ndarray) -> np.ndarray:
        return logits_as_integers(network(iq), metadata.logit_scale)

    arithmetic = "the QONNX graph in exact integers" + (", imported" if metadata.imported else "")
    classes = np.array(class_indices(metadata.classes))
    return _Subject("qonnx", arithmetic, metadata.training_data, metadata.quantiser, classes, integers, _READ_AT_ONCE)
