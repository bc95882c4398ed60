"""The ladder's rungs in Python: the QONNX network, the graph after each step of the build, FINN's hardware layers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from finn_build.engine.finn_session import finn_session
from finn_build.engine.paths import FOLDED, NETWORK, STEPS, WITH_FIFOS
from finn_build.steps import EXACT_STEP, HOST_CUT_STEP
from finn_build.verify.graph_runner import GraphRunner, integers_of
from finn_build.verify.rung import Reference, Rung, RungResult, compare_frame
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from radioml.contract.metadata import ModelMetadata

_SINGLE_PRECISION_FROM = "convert from QONNX"
"""The step that first writes the network's constants as thresholds in single precision."""
_QONNX, _GRAPH = "QONNX in double precision", "graph in Python"


def graph_rungs(folder: Path, metadata: ModelMetadata, iq: np.ndarray) -> list[Rung]:
    """Rungs for float32 frames (N, 1024, 2), in the order of the build; those whose files the build has kept.

    Raises RadioMLError when the folder has no files of its steps.
    """
    files = sorted(path for path in (folder / STEPS).glob("*.onnx") if path != folder / NETWORK)
    names = [path.stem.partition("_")[2].replace("_", " ") for path in files]
    if not {_SINGLE_PRECISION_FROM, EXACT_STEP, HOST_CUT_STEP} <= set(names) or not (folder / NETWORK).is_file():
        raise RadioMLError(f"{folder}: the build did not keep the graph of every step; build it again")
    integers = metadata.quantiser(iq)
    inexact = range(names.index(_SINGLE_PRECISION_FROM), names.index(EXACT_STEP))
    stream_from = names.index(HOST_CUT_STEP)
    rungs = [_rung("QONNX", _QONNX, folder, folder / NETWORK, iq.transpose(0, 2, 1), metadata.logit_scale)]
    for index, (name, path) in enumerate(zip(names, files, strict=True)):
        if index < stream_from:  # channels first, logits times their scale
            frames, scale = _channels_first(integers, files[0]), metadata.logit_scale
        else:
            frames, scale = integers, 1.0
        rungs.append(_rung(name, _GRAPH, folder, path, frames, scale, inexact=index in inexact))
    for name, file in (("fold", FOLDED), ("insert converters and FIFOs", WITH_FIFOS)):
        if (folder / file).is_file():
            rungs.append(_rung(name, _GRAPH, folder, folder / file, integers, 1.0))
    return rungs


def _channels_first(integers: np.ndarray, first_step: Path) -> np.ndarray:
    """The stream's integers (N, 1024, 2) as (N, channels, pixels), the input of the first step's graph."""
    from qonnx.core.modelwrapper import ModelWrapper

    model = ModelWrapper(str(first_step))
    channels = model.get_tensor_shape(model.graph.input[0].name)[1]
    return integers.reshape(len(integers), -1, channels).transpose(0, 2, 1)


def _rung(
    name: str, kind: str, folder: Path, path: Path, frames: np.ndarray, scale: float, inexact: bool = False
) -> Rung:
    return Rung(name, kind, partial(_run, folder, path, frames, scale, inexact))


def _run(
    folder: Path,
    path: Path,
    frames: np.ndarray,
    scale: float,
    inexact: bool,
    reference: Reference,
    result: RungResult,
) -> None:
    """Run all frames through the graph at `path`; scale: value of one step of the logits it gives."""
    from qonnx.core.modelwrapper import ModelWrapper

    work = (folder / STEPS).parent
    with finn_session(work, work / "verify.log"):
        runner = GraphRunner(ModelWrapper(str(path)), inexact)
        for frame, values in enumerate(frames):
            expected = [levels[frame] for levels in reference.layers.values()]
            trace = runner(values.reshape(runner.input_shape), expected)
            result.rounded += trace.rounded
            compare_frame(reference, frame, trace.activations, integers_of(trace.output / scale), result)
