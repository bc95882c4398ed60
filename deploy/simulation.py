"""Backend `simulation`: the accelerator's RTL, compiled by Verilator into the package's library, on this host."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType

import numpy as np

from deploy.accelerator import Inference, check_frames
from radioml.errors import RadioMLError
from radioml.package import LIBRARY, Manifest, Package
from radioml.rtl_simulator import RtlSimulator

_FRAMES_PER_PROCESS = 16
"""Enough that filling the pipeline, a frame or two long, costs little; few enough that progress is seen."""


class SimulatedAccelerator:
    """One simulator a process, each with a share of every batch; see `deploy.accelerator.Accelerator`."""

    def __init__(self, package: Package, processes: int | None = None) -> None:
        """Refuse a package without a simulation library; processes: at least 1, default one a core."""
        self.manifest = package.manifest
        if self.manifest.kind != "simulation" or not (package.folder / LIBRARY).is_file():
            raise RadioMLError(
                f"the package is of kind {self.manifest.kind!r}: the simulation backend needs one that "
                f"`radioml build --until rtl` made, with {LIBRARY} in it"
            )
        self._processes = _cores() if processes is None else processes
        if self._processes < 1:
            raise RadioMLError(f"{processes} processes: the simulation needs at least 1")
        self.batch_frames = _FRAMES_PER_PROCESS * self._processes
        self._folder = package.folder
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> SimulatedAccelerator:
        """Make the pool; its processes start with the first frames."""
        # A fresh interpreter, not a fork: the library and the caller's threads must not be shared.
        self._pool = ProcessPoolExecutor(self._processes, get_context("spawn"), initializer=_leave_interrupts_to_parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop waiting frames and end the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def infer(self, integers: np.ndarray) -> Inference:
        """See `Accelerator.infer`; the frames are spread over the processes in equal shares."""
        if self._pool is None:
            raise RuntimeError("enter the accelerator's context first")
        check_frames(integers, self.manifest)
        start = time.perf_counter()
        shares = np.array_split(integers, min(self._processes, len(integers)))
        try:
            results = list(self._pool.map(partial(_simulate, self._folder, self.manifest), shares))
        except BrokenProcessPool as error:
            raise RadioMLError(
                "a simulator process died; is there enough memory, and was the package built for this kind of machine?"
            ) from error
        return Inference(
            logits=np.concatenate([logits for logits, _ in results]),
            cycles=sum(int(last_out[-1] - last_out[0]) for _, last_out in results),
            intervals=len(integers) - len(shares),
            seconds=time.perf_counter() - start,
        )


def _simulate(folder: Path, manifest: Manifest, integers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In a process of the pool: logits of the frames, and the cycle at which each frame's last word left."""
    with RtlSimulator(folder / LIBRARY, folder, manifest.input, manifest.output) as simulator:
        run = simulator.run(integers)
    return run.integers, run.last_out


def _leave_interrupts_to_parent() -> None:
    """In a process of the pool: Ctrl-C reaches all processes of the terminal, only the first shall act on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
