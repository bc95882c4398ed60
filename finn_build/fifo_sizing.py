"""Depths of the FIFOs between layers: gauge how full they get when frames come at the estimated rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from finn_build.hdl import Design
from radioml.rtl_simulator import RtlSimulator

SLACK_WORDS = 16
"""An input faster than the design fills every FIFO in front of the slowest layer. A multiplier that was stopped by a
full FIFO needs its pipeline's length, about 4 + log2(SIMD) cycles, to deliver again, and the FIFO must last so long:
with fill + 1 a small network took 271 cycles a frame where its slowest layer takes 264, with fill + 8 or more 264.
16 shift-register stages are what the smallest primitive holds."""


def gauge_fifo_depths(library: Path, data_folder: Path, design: Design, interval: int) -> dict[str, int]:
    """Depth in words of each FIFO: the largest fill of unbounded ones, plus `SLACK_WORDS`.

    interval: estimated cycles a frame, to which the input is throttled: an input that runs ahead would fill the first
    FIFO without bound. Where the design proves slower than its estimate the same would happen in front of the slow
    layer, so it is gauged again at the interval it kept.
    """
    frames = np.zeros((_FRAMES, *design.input.shape), np.int8)  # the layers' timing does not depend on data
    with RtlSimulator(library, data_folder, design.input, design.output) as simulator:
        measured = simulator.run(frames, interval=interval).cycles_per_frame
        if measured > interval:
            simulator.run(frames, interval=measured)
        fills = simulator.fifo_fill(len(design.fifos))
    return {name: int(fill) + SLACK_WORDS for name, fill in zip(design.fifos, fills, strict=True)}


_FRAMES = 12
"""Enough for the fills to become periodic: networks of this kind hold a few frames at once."""
