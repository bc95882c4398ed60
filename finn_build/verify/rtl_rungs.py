"""The ladder's rungs of RTL: the packaged design in Verilator, with and without pauses on its streams."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from finn_build.verify.rung import Levels, Reference, Rung, RungResult, compare_frame
from radioml.contract.package import Manifest, open_package
from radioml.contract.packing import unpack
from radioml.run_directory import PACKAGE
from radioml.simulation.compiled import packaged_simulator
from radioml.simulation.design import Probe, read_design
from radioml.simulation.rtl_simulator import RtlSimulator
from radioml.temporary import temporary_folder

BACK_TO_BACK, STALLS = "RTL, back to back", "RTL, random stalls"
WORD_GAPS, FRAME_GAPS = "RTL, gaps between words", "RTL, gaps between frames"
_KIND = "RTL in Verilator"
_GAP_FACTOR = 8
"""Cycles a frame where words have gaps, as a multiple of the initiation interval: the design runs dry between words."""
_STALL_SEED = 1


def rtl_rungs(folder: Path, integers: np.ndarray) -> list[Rung]:
    """Rungs for quantised frames int8 (N, 1024, 2).

    - Back to back: the next word is there whenever the design takes one.
    - Gaps between words: words come evenly, at an eighth of the design's rate.
    - Gaps between frames: the words of a frame follow each other. The gaps between frames grow from one cycle to the
      latency, so that frames find the design in all states between full and empty.
    - Random stalls: input and output pause at random, each in a third of the cycles.
    """
    ways = (BACK_TO_BACK, WORD_GAPS, FRAME_GAPS, STALLS)
    return [Rung(name, _KIND, partial(_run, folder, integers, name)) for name in ways]


def _run(folder: Path, integers: np.ndarray, name: str, reference: Reference, result: RungResult) -> None:
    with temporary_folder("radioml-package") as unpacked:
        package = open_package(folder / PACKAGE, unpacked)
        library, data = packaged_simulator(package)
        probes = read_design(data).probed
        stream(library, data, package.manifest, probes, integers, name, reference, result)


def stream(
    library: Path,
    data_folder: Path,
    manifest: Manifest,
    probes: Mapping[str, Probe],
    integers: np.ndarray,
    way: str,
    reference: Reference,
    result: RungResult,
) -> None:
    """Stream quantised frames through a simulator in one of the ways of `rtl_rungs` and compare all that it gives.

    Args:
        library, data_folder: see `RtlSimulator`.
        manifest: streams and cycles of the design.
        probes: the layers that give activations.
        integers: quantised frames int8 (N, 1024, 2).
        way: name of the rung in `rtl_rungs`.
        reference, result: see `compare_frame`.
    """
    pauses = np.linspace(1, manifest.latency_cycles, len(integers)).astype(np.int64)
    with RtlSimulator(library, data_folder, manifest.input, manifest.output) as simulator:
        run = simulator.run(
            integers,
            initiation_interval=_GAP_FACTOR * manifest.cycles_per_frame if way == WORD_GAPS else 0,
            pauses=pauses if way == FRAME_GAPS else None,
            stall_seed=_STALL_SEED if way == STALLS else 0,
            record=True,
        )
    levels = {
        name: unpack(run.recorded[name], probe.stream).swapaxes(1, 2) - probe.zero for name, probe in probes.items()
    }
    for frame, logits in enumerate(run.integers):
        found = [Levels(name, values[frame]) for name, values in levels.items()]
        compare_frame(reference, frame, found, logits, result)
