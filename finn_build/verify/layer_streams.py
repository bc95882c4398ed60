"""The words between the layers of a simulated RTL design, recorded."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from finn_build.engine.paths import WORK
from finn_build.rtl.top import stitch
from finn_build.verify.gate_design import raw
from radioml.contract.packing import pack
from radioml.files import write_text
from radioml.run_directory import RTL
from radioml.simulation.compiled import simulator_of
from radioml.simulation.design import TOP, Design, Layer, Probe
from radioml.simulation.rtl_simulator import RtlSimulator


def record_streams(folder: Path, rtl: Design, layers: Sequence[Layer], integers: np.ndarray) -> dict[str, np.ndarray]:
    """Tensor -> its words, uint8 (N, words a frame, bytes a word): the input and the outputs of `layers`.

    The RTL of a build folder is compiled once more, with a probe on each of these streams. A layer of `layers` stands
    for several RTL layers. Only its first output is recorded.

    Args:
        folder, rtl: a build folder and its design.
        integers: quantised frames int8 (N, 1024, 2).
    """
    wanted = {layer.outputs[0].tensor for layer in layers}
    probed = tuple(
        replace(layer, probe=Probe(raw(layer.outputs[0]), 0) if layer.outputs[0].tensor in wanted else None)
        for layer in rtl.layers
    )
    design, work = replace(rtl, layers=probed), folder / WORK / "recorder"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder / RTL, work / "hdl")
    write_text(work / "hdl" / f"{TOP}.v", stitch(probed))
    design.write(work / "hdl")
    with RtlSimulator(simulator_of(work / "hdl", optimise=False), folder / RTL, rtl.input, rtl.output) as simulator:
        recorded = simulator.run(integers, record=True).recorded
    wires = {layer.name: layer.outputs[0] for layer in probed if layer.probe}
    words = {wires[name].tensor: values for name, values in recorded.items()}
    words[rtl.layers[0].inputs[0].tensor] = pack(integers, rtl.input)
    shutil.rmtree(work)
    return {tensor: values.reshape(len(integers), -1, values.shape[-1]) for tensor, values in words.items()}
