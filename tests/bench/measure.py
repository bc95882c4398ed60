"""Comparison of works by their speed, and the conditions of a measurement."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], int]
"""Does something and returns how many frames it did it to."""


def rates(works: Mapping[str, Work], seconds: float = 4) -> dict[str, float]:
    """Frames a second of processor time, of all threads of this process, for each work.

    Each rate is the best of several rounds. A round runs all works in turn, so that other load of the machine slows all
    of them. The first round warms up.
    """
    for work in works.values():
        work()
    best = dict.fromkeys(works, 0.0)
    end = time.perf_counter() + seconds
    for done in range(1000):
        if done >= 3 and time.perf_counter() > end:
            break
        for name, work in works.items():
            start = time.process_time()
            frames = work()
            best[name] = max(best[name], frames / (time.process_time() - start))
    return best


def compare(ours: Work, baselines: Mapping[str, Work], seconds: float = 4) -> dict[str, Any]:
    """Our rate, and for each baseline its rate and the ratio of ours to it."""
    measured = rates({"": ours, **baselines}, seconds)
    frames = measured.pop("")
    return {
        "frames/s": frames,
        "baselines": {name: {"frames/s": rate, "ratio": frames / rate} for name, rate in measured.items()},
    }


def conditions() -> dict[str, Any]:
    """The machine and its load."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load of the last minute": os.getloadavg()[0],
        "python": platform.python_version(),
        "numpy": np.__version__,
        "clock": "processor time of one process, best of interleaved rounds",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.processor()
