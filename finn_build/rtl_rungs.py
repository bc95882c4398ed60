"""The ladder's last rungs: the packaged RTL in Verilator, with and without pauses on its streams."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from finn_build.build import PACKAGE
from finn_build.rung import Reference, Rung, RungResult, compare_logits
from radioml.package import LIBRARY, open_package
from radioml.rtl_simulator import RtlSimulator

BACK_TO_BACK, GAPS, STALLS = "RTL, back to back", "RTL, gaps at the input", "RTL, random stalls"
_KIND = "RTL in Verilator"
_GAP_FACTOR = 3
"""Cycles a frame at the gapped input, as a multiple of what the design needs: it runs dry between words."""
_STALL_SEED = 1


def rtl_rungs(folder: Path, integers: np.ndarray) -> list[Rung]:
    """Rungs for quantised frames int8 (N, 1024, 2).

    Back to back: the next word is there whenever the design takes one. Gaps: words come evenly at a third of that rate.
    Stalls: input and output pause at random in a third of the cycles each.
    """
    return [Rung(name, _KIND, partial(_run, folder, integers, name)) for name in (BACK_TO_BACK, GAPS, STALLS)]


def _run(folder: Path, integers: np.ndarray, name: str, reference: Reference, result: RungResult) -> None:
    with tempfile.TemporaryDirectory() as unpacked:
        package = open_package(folder / PACKAGE, Path(unpacked))
        manifest = package.manifest
        interval = _GAP_FACTOR * manifest.cycles_per_frame if name == GAPS else 0
        with RtlSimulator(package.folder / LIBRARY, package.folder, manifest.input, manifest.output) as simulator:
            run = simulator.run(integers, interval=interval, stall_seed=_STALL_SEED if name == STALLS else 0)
    result.compared = (reference.classifier,)
    compare_logits(reference, run.integers, "logits", result)
