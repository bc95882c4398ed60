"""Checks of a board whose DMA engines are RTL, beside one whose are a model: real PYNQ, real finn-plus-driver.

`python rtl_checks.py NAME MODEL RTL ARRAYS`: NAME is a function below, MODEL and RTL are bitfile packages of the same
accelerator with DMA engines in Python and as RTL, ARRAYS is as in checks.py. An exception is a failure.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pynq
from checks import allocated, overlay, raised

from deploy.accelerator import open_accelerator
from deploy.checks.golden import check_golden
from deploy.simulated.fabric import Memory
from deploy.simulated.rtl_board import DECERR, SLVERR
from deploy.simulated.rtl_fabric import RtlFabric
from radioml.contract.package import Package, open_package
from radioml.errors import RadioMLError
from radioml.io_dma import CONTROL, ERRORS, START

Access = tuple[str, int, int]
_BASE = 0x4000_0000


def fabric() -> RtlFabric:
    found = pynq.Device.active_device.fabric
    assert isinstance(found, RtlFabric)
    return found


def golden_frames(model: Package, rtl: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """From the register's write to the logits, with a memory that pauses more and more."""
    with open_accelerator(rtl, "pynq", transfer_frames=16) as accelerator:
        for pauses in range(4):
            fabric().board.pause(pauses, seed=1 + pauses)
            check_golden(accelerator, rtl)
        assert np.array_equal(accelerator.infer(integers[:100]).logits, logits[:100])
        traffic = fabric().board.traffic()
        frame_beats = integers[0].nbytes // 16
        assert traffic.beats > (4 * 26 + 100) * frame_beats
    assert allocated() == 0


def same_register_traffic(model: Package, rtl: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """The same calls of both drivers make the same accesses, except for the number of polls of a busy engine."""
    found = []
    for package in (model, rtl):
        pynq.Device.active_device.memory = Memory(_BASE)
        with overlay(package, 3) as driver:
            accesses = recorded()
            assert np.array_equal(driver.execute(integers[:3].astype(np.float32)), logits[:3])
        with open_accelerator(package, "pynq", transfer_frames=4) as accelerator:
            more = recorded()
            assert np.array_equal(accelerator.infer(integers[:10]).logits, logits[:10])
        found.append([access for access in accesses + more if access[0] == "write" or access[2] != START])
    assert found[0] == found[1]
    assert {kind for kind, _, _ in found[0]} == {"read", "write"} and len(found[0]) > 40


def recorded() -> list[Access]:
    """All accesses to the registers of the fabric from now on."""
    accesses: list[Access] = []
    configured = pynq.Device.active_device.fabric
    read, write = configured.read, configured.write

    def read_too(address: int) -> int:
        value = read(address)
        accesses.append(("read", address, value))
        return value

    def write_too(address: int, value: int) -> None:
        accesses.append(("write", address, value))
        write(address, value)

    configured.read, configured.write = read_too, write_too
    return accesses


def errors_are_told(model: Package, rtl: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with open_accelerator(rtl, "pynq") as accelerator:
        source, sink = (buffer.device_address for buffer in accelerator._shell.buffers[0])
        fail = fabric().board.fail
        fail(range(source + 700, source + 701), SLVERR)
        assert "the input DMA reports an error: the memory refused an access (SLVERR)" in told(accelerator, integers)
        fail(range(sink, sink + 1), DECERR)
        assert "the output DMA reports an error: no memory lies at an address (DECERR)" in told(accelerator, integers)
        fail(range(1), SLVERR)
        assert np.array_equal(accelerator.infer(integers[:3]).logits, logits[:3])
        accelerator._shell.start = lambda source, sink, frames: misplaced(accelerator, frames)
        assert "address is no multiple of the memory port's bytes" in told(accelerator, integers)


def told(accelerator: object, integers: np.ndarray) -> str:
    return raised(RadioMLError, accelerator.infer, integers[:3])


def misplaced(accelerator: object, frames: int) -> None:
    """Start the output DMA alone, at an odd address."""
    engine = accelerator._shell.overlay.odma[0]
    for offset, value in ((0x10, _BASE + 1), (0x1C, frames), (CONTROL, START)):
        engine.write(offset, value)
    assert engine.read(ERRORS) == 4


if __name__ == "__main__":
    name, *packages, arrays_file = sys.argv[1:]
    with np.load(arrays_file) as arrays, tempfile.TemporaryDirectory() as folder:
        model, rtl = (open_package(package, Path(folder, str(at))) for at, package in enumerate(packages))
        globals()[name](model, rtl, arrays["integers"], arrays["logits"])
    print(f"{name}: done")
