"""Backend `simulation`: the package's RTL, compiled by Verilator on this host unless the simulator is cached."""

from __future__ import annotations

from types import TracebackType

import numpy as np
from rich.console import Console

from deploy.accelerator import Inference, Runs, check_frames
from radioml.contract.package import Package
from radioml.simulation.compiled import packaged_simulator
from radioml.simulation.simulator_pool import SimulatorPool

_FRAMES_PER_PROCESS = 16
"""Enough frames to make the filling of the pipeline, a frame or two, cheap; few enough to show progress."""


class SimulatedAccelerator:
    """One simulator a process, each with a share of every batch; see `deploy.accelerator.Accelerator`."""

    runs_on: Runs = "RTL simulation"

    def __init__(self, package: Package, processes: int | None = None) -> None:
        """Compile the RTL; processes: at least 1, default one a core. Raises what `packaged_simulator` raises."""
        manifest = self.manifest = self.network = package.manifest
        with Console(stderr=True).status("compiling the RTL for this machine, once"):
            simulator = packaged_simulator(package)
        self._pool = SimulatorPool(*simulator, manifest.input, manifest.output, processes)
        self.batch_frames = _FRAMES_PER_PROCESS * self._pool.processes

    def __enter__(self) -> SimulatedAccelerator:
        """Make the pool; its processes start with the first frames."""
        self._pool.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop waiting frames and end the processes."""
        self._pool.__exit__(kind, error, trace)

    def clock_mhz(self) -> None:
        """See `Accelerator.clock_mhz`."""
        return None

    def board_name(self) -> None:
        """See `Accelerator.board_name`."""
        return None

    def infer(self, integers: np.ndarray) -> Inference:
        """See `Accelerator.infer`; the frames are spread over the processes in equal shares."""
        check_frames(integers)
        run = self._pool.run(integers)
        return Inference(
            logits=run.integers,
            cycles=sum(int(share.last_out[-1] - share.last_out[0]) for share in run.shares),
            initiation_intervals=len(integers) - len(run.shares),
            seconds=run.seconds,
        )
