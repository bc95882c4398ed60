"""Many frames through the Verilated accelerator, spread over processes: one simulator and one core each."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from radioml.contract.package import StreamFormat
from radioml.errors import RadioMLError
from radioml.processes import ProcessPool, cores
from radioml.simulation.rtl_simulator import RtlSimulator, SimulationRun

_SHARE_FRAMES = 64
"""Frames that a process takes at a time. A share begins with an empty pipeline, a frame or two long: enough frames that
this costs little, few enough that progress is seen."""


@dataclass(frozen=True)
class PooledRun:
    """What came out of several simulations that shared the frames, in order.

    seconds: from the first frame handed out to the last that came back.
    """

    shares: tuple[SimulationRun, ...]
    seconds: float

    @property
    def integers(self) -> np.ndarray:
        """Int64 (N, *output.shape)."""
        return np.concatenate([run.integers for run in self.shares])

    @property
    def cycles(self) -> int:
        """Simulated cycles of all shares."""
        return sum(run.cycles for run in self.shares)

    @property
    def latency_cycles(self) -> int:
        """See `SimulationRun.latency_cycles`."""
        return self.shares[0].latency_cycles

    @property
    def cycles_per_frame(self) -> int:
        """Median distance of the ends of frames that followed each other; ValueError when none did."""
        distances = np.concatenate([np.diff(run.last_out) for run in self.shares])
        if not len(distances):
            raise ValueError("the initiation interval needs two frames or more")
        return round(float(np.median(distances)))


class SimulatorPool:
    """Simulators of one design in `processes` processes (default: one a core). Use it as a context manager.

    library, data_folder, input, output: see `RtlSimulator`. The processes start, and load it, with their first frames.
    """

    def __init__(
        self,
        library: Path,
        data_folder: Path,
        input: StreamFormat,
        output: StreamFormat,
        processes: int | None = None,
    ) -> None:
        self.processes = cores() if processes is None else processes
        if self.processes < 1:
            raise RadioMLError(f"the simulation needs at least 1 process, not {processes}")
        self._design = (library, data_folder, input, output)
        self._pool: ProcessPool | None = None

    def __enter__(self) -> SimulatorPool:
        self._pool = ProcessPool(self.processes, _open_in_process, self._design)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def run(self, integers: np.ndarray, progress: Callable[[int], None] | None = None) -> PooledRun:
        """Stream frames (N, *input.shape) through, two or more a share where there are so many.

        progress: called with the number of frames done. Raises RadioMLError when a process dies, and what
        `RtlSimulator` raises.
        """
        if self._pool is None:
            raise RuntimeError("enter the pool's context first")
        start = time.perf_counter()
        shares = np.array_split(integers, self._shares(len(integers)))
        runs, done = [], 0
        try:
            for run in self._pool.map(_run_in_process, shares):
                runs.append(run)
                done += len(run.integers)
                if progress:
                    progress(done)
        except BrokenProcessPool as error:
            raise RadioMLError("a simulator process died; the usual cause is too little memory") from error
        return PooledRun(tuple(runs), time.perf_counter() - start)

    def _shares(self, frames: int) -> int:
        rounds = -(-frames // (_SHARE_FRAMES * self.processes))
        return max(1, min(rounds * self.processes, frames // 2))


_design: tuple[Path, Path, StreamFormat, StreamFormat]
_simulator: RtlSimulator | None = None


def _open_in_process(*design: Any) -> None:
    """In a process of the pool."""
    global _design
    _design = design  # opened with the first frames: what goes wrong then reaches the caller


def _run_in_process(integers: np.ndarray) -> SimulationRun:
    global _simulator
    if _simulator is None:
        _simulator = RtlSimulator(*_design)
    return _simulator.run(integers)
