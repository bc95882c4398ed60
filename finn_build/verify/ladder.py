"""`radioml verify`: from the network down to its RTL, rung by rung: the first rung that differs, and where it differs.

Every rung gets the same frames. Its integers, the levels of every activation and the logits, are compared with the
network's. All rungs are run, so that the report shows whether a difference persists or belongs to one rung.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from finn_build.engine.paths import NETWORK, WORK
from finn_build.engine.record import load_record
from finn_build.statistics_unit.recognition import is_statistics_network
from finn_build.verify.comparison import Difference
from finn_build.verify.gate_rungs import gate_rungs
from finn_build.verify.graph_rungs import graph_rungs
from finn_build.verify.rtl_rungs import rtl_rungs
from finn_build.verify.rung import Reference, Rung, RungResult
from finn_build.verify.unit_rungs import unit_rungs
from radioml.constants import CLASSES
from radioml.contract.estimate import Estimate
from radioml.contract.ladder import LOGITS, FirstDifference, LadderReport, RungReport
from radioml.contract.metadata import load_exported
from radioml.data.dataset import Frames
from radioml.errors import RadioMLError
from radioml.run_directory import ESTIMATE, VERIFY


def climb(
    folder: Path,
    frames: Frames,
    reference: Reference,
    data: str,
    show: Callable[[RungResult], None] = lambda result: None,
    gates: bool = False,
) -> LadderReport:
    """Run every rung that a build folder has on `frames` and write verify.json there; returns its content.

    Args:
        folder: build folder.
        frames: what every rung gets.
        reference: what the network makes of the frames.
        data: what the frames are, in words.
        show: called with the result of each rung when it has run.
        gates: whether the netlists of `radioml build --until synthesis` are rungs, too.

    Raises RadioMLError when the folder is no build folder, lacks the graph of a step, or has no netlists for `gates`.
    """
    folder = folder.resolve()  # FINN sessions change the working directory
    log = folder / WORK / "verify.log"
    result = [_result(rung, reference, log, show) for rung in _rungs(folder, frames.iq, gates)]
    first = next((rung for rung in result if not rung.equal), None)
    found = LadderReport(
        reference=reference.name,
        data=data,
        frames=len(frames),
        layers=len(reference.layers) + 1,
        classes=len(np.unique(frames.class_index)),
        snrs=len(np.unique(frames.snr_db)),
        equal=first is None,
        rtl="rtl" in load_record(folder).stages,
        first_rung_that_differs=first.name if first else None,
        rungs=tuple(_report(rung, frames) for rung in result),
    )
    found.write(folder / VERIFY)
    return found


def _rungs(folder: Path, iq: np.ndarray, gates: bool) -> list[Rung]:
    record = load_record(folder)
    if "estimate" not in record.stages:
        raise RadioMLError(f"{folder}: its build has not finished; run `radioml build` first")
    model, metadata = load_exported(folder / NETWORK)
    if is_statistics_network(model):
        rungs = unit_rungs(model, metadata, iq, Estimate.read(folder / ESTIMATE).layers[0].folding["SIMD"])
    else:
        rungs = graph_rungs(folder, metadata, iq)
    if "rtl" in record.stages:
        rungs += rtl_rungs(folder, metadata.quantiser(iq))
    if gates:
        if "synthesis" not in record.stages:
            raise RadioMLError(f"{folder}: has no netlists; run `radioml build ... --until synthesis` first")
        rungs += gate_rungs(folder, metadata.quantiser(iq))
    return rungs


def _result(rung: Rung, reference: Reference, log: Path, show: Callable[[RungResult], None]) -> RungResult:
    """Run a rung; RadioMLError becomes the rung's problem, with a traceback in `log`.

    RadioMLError tells of a graph that cannot be executed or a design that deadlocks. Every other exception passes
    through.
    """
    result = RungResult(rung.name, rung.kind, len(reference.logits), len(reference.layers) + 1)
    start = time.perf_counter()
    try:
        rung.run(reference, result)
    except RadioMLError as error:
        result.problem = str(error)
        with log.open("a", encoding="utf-8") as stream:
            stream.write(f"\nrung {rung.name!r} failed\n{traceback.format_exc()}")
    result.seconds = time.perf_counter() - start
    show(result)
    return result


def _report(rung: RungResult, frames: Frames) -> RungReport:
    return RungReport(
        name=rung.name,
        kind=rung.kind,
        equal=rung.equal,
        mismatching_frames=len(rung.mismatching),
        first_difference=_place(rung.first, frames) if rung.first else None,
        problem=rung.problem,
        layers_compared=rung.compared,
        levels_mended_later=rung.rounded,
        seconds=round(rung.seconds, 2),
    )


def _place(difference: Difference, frames: Frames) -> FirstDifference:
    frame = difference.frame
    if difference.node == LOGITS:
        element = f"logit {CLASSES[difference.element[0]]}"
    else:
        element = ", ".join(f"{axis} {at}" for axis, at in zip(difference.axes, difference.element, strict=False))
    return FirstDifference(
        layer=difference.layer,
        node=difference.node,
        frame=frame,
        class_=CLASSES[frames.class_index[frame]],
        snr_db=int(frames.snr_db[frame]),
        element=element,
        index=difference.element,
        expected=difference.expected,
        found=difference.found,
    )
