"""The ladder's rungs in Python: the QONNX network, and the graph after each step of the build."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from finn_build.engine.finn_session import finn_session
from finn_build.engine.graphs import load_graph
from finn_build.engine.paths import FOLDED, NETWORK, WITH_FIFOS, WORK, graph_of_step
from finn_build.steps import CONVERT, CUT_HOST_ENDS, EXACT_THRESHOLDS, GRAPH_STEPS
from finn_build.verify.graph_runner import GraphRunner, integers_of
from finn_build.verify.rung import Reference, Rung, RungResult, compare_frame
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from radioml.contract.metadata import ModelMetadata

_QONNX, _GRAPH = "QONNX in double precision", "graph in Python"


def graph_rungs(folder: Path, metadata: ModelMetadata, iq: np.ndarray) -> list[Rung]:
    """Rungs for float32 frames (N, 1024, 2), in the order of the build, up to where the folder was built.

    Raises RadioMLError when the folder lacks the graph of a step.
    """
    files = [folder / graph_of_step(number, step.id) for number, step in enumerate(GRAPH_STEPS, 1)]
    if missing := [path for path in (folder / NETWORK, *files) if not path.is_file()]:
        raise RadioMLError(f"{missing[0]}: missing, so the graph after this step cannot be compared; build it again")
    integers = metadata.quantiser(iq)
    rungs = [_rung("QONNX", _QONNX, folder, folder / NETWORK, iq.transpose(0, 2, 1), metadata.logit_scale)]
    inexact = range(GRAPH_STEPS.index(CONVERT), GRAPH_STEPS.index(EXACT_THRESHOLDS))
    for index, (step, path) in enumerate(zip(GRAPH_STEPS, files, strict=True)):
        if index < GRAPH_STEPS.index(CUT_HOST_ENDS):  # channels first, logits times their scale
            frames, scale = _channels_first(integers, files[0]), metadata.logit_scale
        else:
            frames, scale = integers, 1.0
        rungs.append(_rung(step.title, _GRAPH, folder, path, frames, scale, inexact=index in inexact))
    for name, file in (("fold", FOLDED), ("insert converters and FIFOs", WITH_FIFOS)):
        if (folder / file).is_file():
            rungs.append(_rung(name, _GRAPH, folder, folder / file, integers, 1.0))
    return rungs


def _channels_first(integers: np.ndarray, first_step: Path) -> np.ndarray:
    """The stream's integers (N, 1024, 2) as (N, channels, pixels), the input of the first step's graph."""
    model = load_graph(first_step)
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
    """Run all frames through the graph at `path`; scale: value of one step of the graph's logits."""
    work = folder / WORK
    with finn_session(work, work / "verify.log"):
        runner = GraphRunner(load_graph(path), inexact)
        for frame, values in enumerate(frames):
            expected = [levels[frame] for levels in reference.layers.values()]
            trace = runner(values.reshape(runner.input_shape), expected)
            result.rounded += trace.rounded
            compare_frame(reference, frame, trace.activations, integers_of(trace.output / scale), result)
