"""Networks of others, evaluated: their logits are in an order of their own, or of fewer classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from radioml.constants import CLASSES
from radioml.contract.metadata import ImportOptions, load_exported
from radioml.data import dataset
from radioml.data.split import spread_indices
from radioml.foreign.into_run import import_model
from radioml.network.integer_qonnx import IntegerQonnx
from tests.networks import QcdqWriter
from training.trained.evaluate import evaluate


@pytest.fixture(scope="module")
def data(synthetic_file: Callable[[int], Path]) -> Path:
    return synthetic_file(4)


def imported(folder: Path, names: tuple[str, ...]) -> Path:
    write = QcdqWriter(3, 13)
    write.quant(1 / 64, 8, signed=True)
    write.convolution(4, 3, strides=[4])
    write.activation()
    write.node("MaxPool", write.tensor, kernel_shape=[16], strides=[16])
    write.classifier(64, classes=len(names))
    onnx.save(write.model((1, len(names))), folder / "theirs.onnx")
    return import_model(folder / "theirs.onnx", folder / "train", ",".join(names), ImportOptions()).model


def test_logits_in_another_order_count_for_their_classes(data: Path, tmp_path: Path):
    order = tuple(np.random.default_rng(1).permutation(CLASSES))
    model = imported(tmp_path, order)
    found = evaluate(model, data)
    indices = spread_indices(dataset.read_layout(data))
    frames = dataset.read_frames(data, indices)
    network, metadata = load_exported(model)
    samples = metadata.quantiser.dequantise(metadata.quantiser(frames.iq))
    names = np.array(order)[IntegerQonnx(network)(samples).argmax(1)]
    assert found.metrics.overall.correct == (names == np.array(CLASSES)[frames.class_index]).sum()
    assert found.frames == len(indices) and found.arithmetic == "the QONNX graph in exact integers, imported"
    assert found.training_data.kind == "unknown"


def test_frames_of_classes_that_a_network_does_not_know_are_left_out(data: Path, tmp_path: Path):
    some = ("QPSK", "BPSK", "FM")
    found = evaluate(imported(tmp_path, some), data)
    per_class = {name: value.frames for name, value in found.metrics.per_class.items() if value.frames}
    assert set(per_class) == set(some) and found.frames == sum(per_class.values())
