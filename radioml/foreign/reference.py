"""The reference of an imported network: the file's own graph, run frame by frame in double precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioml.contract.metadata import ModelMetadata
from radioml.errors import RadioMLError
from radioml.files import sha256
from radioml.foreign.importing import Network, import_network
from radioml.network.exact_qonnx import ExactQonnx, logits_as_integers
from radioml.network.grids import Grid
from radioml.network.integer_nodes import quantiser_grid

if TYPE_CHECKING:
    import onnx

_WEIGHTED = ("Conv", "Gemm", "MatMul")


@dataclass(frozen=True)
class Levels:
    """Of N frames: integer logits int64 (N, classes), and the levels of every activation.

    layers: int64 (N, channels, ...) in the order of the model's nodes, by the name of the layer in front of the
    quantiser. classifier: name of the layer that gives the logits.
    """

    logits: np.ndarray
    layers: dict[str, np.ndarray]
    classifier: str


def load_reference(path: Path, metadata: ModelMetadata) -> Network:
    """The network of an imported file, read as its model's metadata say.

    Raises RadioMLError for a file that is missing, another one, or cannot be imported.
    """
    if metadata.imported is None:
        raise RadioMLError(f"{path}: the model was not imported, but exported from a checkpoint")
    if not path.is_file():
        raise RadioMLError(f"{path}: no such file; it is the ONNX file that the model was imported from")
    if sha256(path) != metadata.checkpoint_sha256:
        raise RadioMLError(f"{path}: not the file that the model was imported from (its SHA-256 differs)")
    return import_network(path, metadata.imported)


def reference_logits(
    network: Network, iq: np.ndarray, progress: Callable[[int, int], object] = lambda done, total: None
) -> np.ndarray:
    """Integer logits int64 (N, classes) of the file's own graph for frames float32 (N, 1024, 2), one at a time.

    progress: called with the number of frames done and of all. Raises RadioMLError for logits that are no integers.
    """
    run, samples = ExactQonnx(network.reference), network.quantiser.dequantise(network.quantiser(iq))
    logits = [np.empty((0, network.classes), np.int64)]
    for done, frame in enumerate(samples, 1):
        logits.append(logits_as_integers(run(frame[None]), network.logit_scale))
        progress(done, len(samples))
    return np.concatenate(logits)


def reference_levels(network: Network, iq: np.ndarray) -> Levels:
    """Integer logits and the levels of every activation, at tensors that have the same name in model and file."""
    run, samples = ExactQonnx(network.reference), network.quantiser.dequantise(network.quantiser(iq))
    activations, classifier = _activations(network.model)
    grids = {tensor: grid for _, tensor, grid in activations}
    values: dict[str, list[np.ndarray]] = {tensor: [] for tensor in grids}
    logits = []
    for frame in samples:
        found, inner = run.with_tensors(frame[None], list(grids))
        logits.append(logits_as_integers(found, network.logit_scale))
        for tensor, numbers in inner.items():
            grid = grids[tensor]
            values[tensor].append(np.rint(numbers / grid.scale).astype(np.int64) - grid.low)
    layers = {layer: np.concatenate(values[tensor]) for layer, tensor, _ in activations}
    return Levels(np.concatenate(logits), layers, classifier)


def _activations(model: onnx.ModelProto) -> tuple[list[tuple[str, str, Grid]], str]:
    """Layer, tensor and grid of each quantiser behind a layer, and the last layer's name."""
    from onnx import numpy_helper

    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    makers = {name: node for node in model.graph.node for name in node.output}
    found = []
    for node in model.graph.node:
        grid = quantiser_grid(node, constants)
        if grid is not None and (layer := _layer_before(node.input[0], makers)) is not None:
            found.append((layer.name, node.output[0], grid))
    last = _layer_before(model.graph.output[0].name, makers)
    return found, "logits" if last is None else last.name


def _layer_before(tensor: str, makers: dict[str, onnx.NodeProto]) -> onnx.NodeProto | None:
    """The layer before a tensor; None if a quantiser lies between them, or if there is no layer."""
    while (maker := makers.get(tensor)) is not None and maker.op_type != "Quant":
        if maker.op_type in _WEIGHTED:
            return maker
        tensor = maker.input[0]
    return None
