"""Depths of the FIFOs between layers, from how full unbounded FIFOs get when frames come at the estimated rate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from radioml.simulation.compiled import simulator_key
from radioml.simulation.design import Design
from radioml.simulation.rtl_simulator import RtlSimulator

SLACK_WORDS = 16
"""Words that a FIFO holds beyond the largest fill that was gauged.

An input faster than the design fills every FIFO in front of the slowest layer. After back pressure a multiplier
delivers again after its latency, about 4 + log2(SIMD) cycles, and the words in the FIFO must last so long. With fill +
1 a small network took 271 cycles a frame where its slowest layer takes 264; with fill + 8 or more it took 264. The
smallest primitive is a shift register of 16 stages."""
GAUGED_FRAMES = 12
"""Enough frames for the fills to become periodic: networks of this kind hold a few frames at once."""


def gauging_key(hdl: Path, initiation_interval: int) -> str:
    """Key of the depths that `gauge_fifo_depths` finds for the folder `hdl`."""
    return simulator_key(hdl, True, initiation_interval, GAUGED_FRAMES, SLACK_WORDS)


def gauge_fifo_depths(
    library: Path,
    data_folder: Path,
    design: Design,
    initiation_interval: int,
    progress: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Depth in words of each FIFO: the largest fill of unbounded FIFOs, plus `SLACK_WORDS`.

    The input is throttled to the estimated initiation interval, because an input that runs ahead would fill the first
    FIFO without bound. Where the design proves slower than its estimate, the FIFO in front of the slow layer would fill
    in the same way, so the design is gauged again at the initiation interval that it reached.

    Args:
        library: simulator that was compiled as a gauge.
        data_folder: the simulator's .dat files.
        design: the design that it simulates.
        initiation_interval: estimated cycles a frame.
        progress: called with the frames done of `GAUGED_FRAMES`.

    Raises RadioMLError when the design deadlocks, with the layer that blocks it.
    """
    frames = np.zeros((GAUGED_FRAMES, *design.input.shape), np.int8)  # the layers' timing does not depend on data
    with RtlSimulator(library, data_folder, design.input, design.output) as simulator:
        reached = simulator.run(frames, initiation_interval=initiation_interval, progress=progress).cycles_per_frame
        if reached > initiation_interval:
            simulator.run(frames, initiation_interval=reached, progress=progress)
        fills = simulator.fifo_fill(len(design.fifos))
    return {name: int(fill) + SLACK_WORDS for name, fill in zip(design.fifos, fills, strict=True)}
