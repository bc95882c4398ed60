"""The ladder's last rungs: the packaged RTL in Verilator, with and without pauses on its streams."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from finn_build.engine.finn_session import finn_session
from finn_build.engine.paths import PACKAGE, STEPS, WITH_FIFOS
from finn_build.rtl.hdl import ACTIVATION
from finn_build.verify.rung import Levels, Reference, Rung, RungResult, compare_frame
from radioml.contract.package import LIBRARY, StreamFormat, open_package
from radioml.contract.packing import unpack
from radioml.simulation.rtl_simulator import RtlSimulator

BACK_TO_BACK, STALLS = "RTL, back to back", "RTL, random stalls"
WORD_GAPS, FRAME_GAPS = "RTL, gaps between words", "RTL, gaps between frames"
_KIND = "RTL in Verilator"
_GAP_FACTOR = 8
"""Cycles a frame where words have gaps, as a multiple of what the design needs: it runs dry between words."""
_STALL_SEED = 1


@dataclass(frozen=True)
class _Activation:
    """An activation's node, the format of the stream it gives, a frame of which has the shape (pixels, channels), and
    the integer that stands for level 0."""

    node: str
    stream: StreamFormat
    zero: int


def rtl_rungs(folder: Path, integers: np.ndarray) -> list[Rung]:
    """Rungs for quantised frames int8 (N, 1024, 2).

    Back to back: the next word is there whenever the design takes one. Gaps between words: they come evenly at an
    eighth of that rate. Gaps between frames: the words of a frame follow each other, the gaps grow from one cycle
    to the time that a frame takes to pass, so that it finds the design in all states between full and empty. Stalls:
    input and output pause at random in a third of the cycles each.
    """
    ways = (BACK_TO_BACK, WORD_GAPS, FRAME_GAPS, STALLS)
    return [Rung(name, _KIND, partial(_run, folder, integers, name)) for name in ways]


def _run(folder: Path, integers: np.ndarray, name: str, reference: Reference, result: RungResult) -> None:
    activations = _activations(folder)
    with tempfile.TemporaryDirectory() as unpacked:
        package = open_package(folder / PACKAGE, Path(unpacked))
        manifest = package.manifest
        pauses = np.linspace(1, manifest.latency_cycles, len(integers)).astype(np.int64)
        with RtlSimulator(package.folder / LIBRARY, package.folder, manifest.input, manifest.output) as simulator:
            run = simulator.run(
                integers,
                interval=_GAP_FACTOR * manifest.cycles_per_frame if name == WORD_GAPS else 0,
                pauses=pauses if name == FRAME_GAPS else None,
                stall_seed=_STALL_SEED if name == STALLS else 0,
                record=True,
            )
    levels = [unpack(run.recorded[of.node], of.stream).swapaxes(1, 2) - of.zero for of in activations]
    for frame, logits in enumerate(run.integers):
        found = [Levels(of.node, values[frame]) for of, values in zip(activations, levels, strict=True)]
        compare_frame(reference, frame, found, logits, result)


def _activations(folder: Path) -> list[_Activation]:
    """Those of the graph that became the RTL, in the order of the stream."""
    from finn.util.basic import getHWCustomOp
    from qonnx.core.modelwrapper import ModelWrapper

    found = []
    work = (folder / STEPS).parent
    with finn_session(work, work / "verify.log"):
        for node in ModelWrapper(str(folder / WITH_FIFOS)).get_nodes_by_op_type(ACTIVATION):
            operator = getHWCustomOp(node)
            shape, datatype = operator.get_normal_output_shape(), operator.get_output_datatype()
            stream = StreamFormat(
                shape=(math.prod(shape[:-1]), int(shape[-1])),
                elements=int(operator.get_folded_output_shape()[-1]),
                bits=datatype.bitwidth(),
                signed=bool(datatype.signed()),
                word_bytes=operator.get_outstream_width_padded(0) // 8,
            )
            found.append(_Activation(node.name, stream, int(operator.get_nodeattr("ActVal"))))
    return found
