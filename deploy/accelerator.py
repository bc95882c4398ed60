"""The one interface of all accelerators, and the backends that provide it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Literal, Protocol

import numpy as np

from radioml.constants import FRAME_LENGTH
from radioml.contract.described import Described
from radioml.contract.package import Package
from radioml.errors import RadioMLError

BACKENDS = {
    "pynq": "deploy.backends.pynq:PynqAccelerator",
    "serial": "deploy.backends.serial_line:SerialAccelerator",
    "simulation": "deploy.backends.verilated:SimulatedAccelerator",
    "software": "deploy.backends.software:SoftwareAccelerator",
}
"""Backend name -> `module:class`, which takes the arguments of `open_accelerator` except the backend.

A backend is imported on demand, so that the others run without the Python modules that only this one needs."""


Runs = Literal["RTL simulation", "software", "simulated board", "board"]
"""What an accelerator runs on. Only the times of a board are a board's speed."""


@dataclass(frozen=True)
class Inference:
    """The accelerator's answer to a batch.

    logits: int64 (N, classes), the integers that left the accelerator.
    cycles: clock cycles between the first and the last result, summed over the streams that ran side by side; None
        where the backend cannot count cycles.
    initiation_intervals: number of initiation intervals in `cycles`, one from a frame to the next of the same stream.
    seconds: wall-clock time of the call on this host.
    parts: seconds of "pack", "transfer" (to and from the accelerator's memory), "accelerator" and "unpack", where the
        backend can tell these apart. Parts may overlap, so that their sum exceeds `seconds`.
    """

    logits: np.ndarray
    cycles: int | None
    initiation_intervals: int
    seconds: float
    parts: Mapping[str, float] = field(default_factory=dict)


class Accelerator(AbstractContextManager["Accelerator"], Protocol):
    """An accelerator that is ready to run once its context is entered."""

    network: Described
    runs_on: Runs
    batch_frames: int
    """Frames a call of `infer` should have to keep the accelerator busy and progress visible."""

    def infer(self, integers: np.ndarray) -> Inference:
        """Run quantised frames, int8 (N, 1024, 2), N at least 1; raises RadioMLError when the accelerator fails."""
        ...

    def clock_mhz(self) -> float | None:
        """The hardware's clock as read back from the hardware; None without hardware."""
        ...

    def board_name(self) -> str | None:
        """The name that the board gives itself; None without a board."""
        ...


def check_frames(integers: np.ndarray) -> None:
    """Raise RadioMLError unless the frames are what `Accelerator.infer` takes."""
    if integers.dtype != np.int8 or integers.shape[1:] != (FRAME_LENGTH, 2) or not len(integers):
        raise RadioMLError(
            f"the accelerator takes int8 frames (N, {FRAME_LENGTH}, 2), N at least 1, not {integers.dtype} "
            f"{integers.shape}"
        )


def open_accelerator(
    package: Package,
    backend: str,
    processes: int | None = None,
    target: str | None = None,
    transfer_frames: int | None = None,
) -> Accelerator:
    """The accelerator of an opened package on a backend; enter the accelerator as a context to use it.

    Args:
        package: the opened package.
        backend: one of `BACKENDS`.
        processes: host processes of a backend that computes on the host, default one a core.
        target: for the pynq backend host name or address of a board on the network, for the serial backend the port.
        transfer_frames: for the pynq backend frames a DMA transfer.

    Raises RadioMLError for an unknown backend, a package that the backend cannot run, and options that it lacks.
    """
    if backend not in BACKENDS:
        raise RadioMLError(f"unknown backend {backend!r}; known: {', '.join(sorted(BACKENDS))}")
    options = {"target": (target, ("pynq", "serial")), "transfer_frames": (transfer_frames, ("pynq",))}
    given = {name: value for name, (value, _) in options.items() if value is not None}
    if lacking := [name for name in given if backend not in options[name][1]]:
        others = sorted({other for name in lacking for other in options[name][1]})
        raise RadioMLError(f"the {backend} backend has no {' and no '.join(lacking)}; with it: {', '.join(others)}")
    module, name = BACKENDS[backend].split(":")
    factory: Callable[..., Accelerator] = getattr(import_module(module), name)
    return factory(package, processes, **given)
