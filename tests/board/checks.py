"""Checks that run in the board's Python environment: real PYNQ, real finn-plus-driver, simulated board.

`python checks.py NAME PACKAGE ARRAYS`: NAME is a function below, PACKAGE a bitfile package, ARRAYS a file with
quantised frames, `integers` (N, 1024, 2), and what the accelerator must make of them, `logits` (N, 24). An exception is
a failure.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pynq
from finn_plus_driver import FINNDMAOverlay
from interrupts import answers_of_idle, ctrl_c, first, held, interrupted_after

import deploy.simulated.board  # noqa: F401  (plugs the board into PYNQ)
from deploy.accelerator import open_accelerator
from deploy.backends import pynq as pynq_board
from deploy.backends.finn_streams import io_shapes
from deploy.checks.golden import check_golden
from deploy.simulated.bitfile import DMA_ADDRESSES, OUTPUT_DMA
from deploy.simulated.fabric import BusError
from radioml.contract.package import BITFILE, HANDOFF, Package, open_package
from radioml.errors import RadioMLError

CONTROL, ADDRESS, REPETITIONS, DONE, IDLE, READY = 0x00, 0x10, 0x1C, 2, 4, 8


def same_integers(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with open_accelerator(package, "pynq") as accelerator:
        check_golden(accelerator, package)
        assert np.array_equal(accelerator.infer(integers).logits, logits)


def any_batch_size(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with open_accelerator(package, "pynq", transfer_frames=64) as accelerator:
        for start, stop in ((0, 1), (1, 8), (8, 73), (10, 138), (3, 4)):
            inference = accelerator.infer(integers[start:stop])
            assert inference.logits.dtype == np.int64
            assert np.array_equal(inference.logits, logits[start:stop])
            assert (
                accelerator._shell.overlay.odma[0].read(REPETITIONS) == (stop - start - 1) % 64 + 1
            )  # the last transfer's
        assert raised(RadioMLError, accelerator.infer, integers[:0])
        assert pynq.Device.active_device.memory.allocated == 4  # two pairs of buffers
    assert allocated() == 0


def finn_driver_alone(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """The unmodified driver with its own packing, unpacking and waiting."""
    with overlay(package, 3) as driver:
        found = driver.execute(integers[:3].astype(np.float32))
        assert np.array_equal(found, logits[:3])
        assert driver.fclk_mhz_actual == package.manifest.clock_mhz
        assert abs(pynq.Clocks.fclk0_mhz - 100) < 0.1


def dma_registers(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with overlay(package, 2) as driver:
        assert driver.odma[0].read(CONTROL) == driver.idma[0].read(CONTROL) == IDLE
        source, sink = driver.ibuf_packed_device[0], driver.obuf_packed_device[0]
        source[:] = integers[:2].view(np.uint8).reshape(source.shape)
        source.flush()
        driver.execute_on_buffers(asynch=True)
        assert driver.odma[0].read(ADDRESS) == sink.device_address
        assert driver.odma[0].read(REPETITIONS) == 2
        driver.wait_until_finished()  # reads the done bit, which that clears
        assert driver.odma[0].read(CONTROL) == IDLE
        assert driver.idma[0].read(CONTROL) == DONE | IDLE | READY
        assert raised(BusError, pynq.MMIO(0x9000_0000, 4).read)


def caches(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """Data must be flushed to reach the accelerator, and caches invalidated to see its results."""
    with overlay(package, 1) as driver:
        source, sink = driver.ibuf_packed_device[0], driver.obuf_packed_device[0]
        source[:] = integers[:1].view(np.uint8).reshape(source.shape)
        before = np.array(sink)
        driver.execute_on_buffers()
        assert np.array_equal(sink, before)
        sink.invalidate()
        unflushed = np.array(sink)
        source.flush()
        driver.execute_on_buffers()
        sink.invalidate()
        assert not np.array_equal(before, unflushed)
        assert not np.array_equal(sink, unflushed)
        assert np.array_equal(driver.unfold_output(driver.unpack_output(np.array(sink))), logits[:1])


def a_hang_ends_with_a_message(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    pynq_board.TIMEOUT_SECONDS = 0.2
    with open_accelerator(package, "pynq") as accelerator:
        accelerator._shell.overlay.idma[0].write = lambda offset, value: None  # no frame ever reaches the accelerator
        assert "did not return 3 frames in 0.2 s: it hangs" in raised(RadioMLError, accelerator.infer, integers[:3])
        assert "hangs in an earlier transfer" in raised(RadioMLError, accelerator.infer, integers[:3])
    with open_accelerator(package, "pynq") as accelerator:  # loading the bitfile again is the cure
        pynq_board.TIMEOUT_SECONDS = 60
        assert np.array_equal(accelerator.infer(integers[:3]).logits, logits[:3])


def an_interrupt_lets_the_transfer_end(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with open_accelerator(package, "pynq") as accelerator:
        go = held(pynq.Device.active_device.fabric)
        answers = answers_of_idle(accelerator._shell, {3: go.set})
        first(accelerator._shell, "done", ctrl_c)  # asked for while the transfer is under way
        raised(KeyboardInterrupt, accelerator.infer, integers[:3])
        assert answers[:3] == [True, False, False] and answers[-1]
        assert accelerator._shell.overlay.odma[0].read(CONTROL) == IDLE
        assert np.array_equal(accelerator.infer(integers[:3]).logits, logits[:3])
    assert allocated() == 0


def an_interrupt_at_any_moment(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """No transfer stays under way, and the next one gives its own results."""
    with open_accelerator(package, "pynq", transfer_frames=4) as accelerator:
        seconds = accelerator.infer(integers[:12]).seconds
        for moment in np.linspace(0, 1.2 * seconds, 16):
            interrupted_after(moment, accelerator.infer, integers[:12])
            assert accelerator._shell.idle()
            assert np.array_equal(accelerator.infer(integers[3:9]).logits, logits[3:9])
    assert allocated() == 0


def an_interrupt_between_the_engines(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """The output DMA would wait for frames that never come."""
    with open_accelerator(package, "pynq") as accelerator:
        engine = accelerator._shell.overlay.idma[0]
        write = engine.write
        engine.write = lambda offset, value: (ctrl_c(), write(offset, value))[1]
        raised(KeyboardInterrupt, accelerator.infer, integers[:3])
        engine.write = write
        assert np.array_equal(accelerator.infer(integers[3:6]).logits, logits[3:6])
    assert allocated() == 0


def a_second_interrupt_does_not_wait(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """A second interrupt waits for neither transfer nor timeout; DMA engines stop before buffers are freed."""
    board = pynq.Device.active_device
    with open_accelerator(package, "pynq") as accelerator:
        accelerator._shell.overlay.idma[0].write = lambda offset, value: None
        first(accelerator._shell, "done", ctrl_c)
        answers = answers_of_idle(accelerator._shell, {4: ctrl_c})
        raised(KeyboardInterrupt, accelerator.infer, integers[:3])
        assert answers == [True, False, False, False]
        hanging = board.fabric
        assert not accelerator._shell.overlay.odma[0].read(CONTROL) & IDLE
    assert board.fabric is not hanging
    assert board.fabric.read(DMA_ADDRESSES[OUTPUT_DMA] + CONTROL) == IDLE
    assert allocated() == 0


def an_error_on_the_bus_is_noticed(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with open_accelerator(package, "pynq") as accelerator:
        engine = accelerator._shell.overlay.odma[0]
        read, engine.read = engine.read, lambda offset: 0xFFFF_FFFF
        assert "reads 0xffffffff, a value that no DMA" in raised(RadioMLError, accelerator.infer, integers[:3])
        engine.read = read
        assert np.array_equal(accelerator.infer(integers[:3]).logits, logits[:3])
    assert allocated() == 0


def a_failure_of_the_fabric_is_noticed(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """An exception in the fabric's thread would look like a hang."""
    with open_accelerator(package, "pynq") as accelerator:
        pynq.Device.active_device.fabric._simulator.run = lambda integers: 1 / 0
        raised(ZeroDivisionError, accelerator.infer, integers[:3])


def transfers_overlap(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """While the accelerator works on a transfer, the next is packed and the one before unpacked."""
    events = []
    with open_accelerator(package, "pynq", transfer_frames=64) as accelerator:
        for name in ("_fill", "_start", "_wait", "_fetch", "_unpack"):
            call = getattr(accelerator, name)
            setattr(accelerator, name, lambda *a, call=call, name=name: (events.append(name), call(*a))[1])
        inference = accelerator.infer(integers[:150])
    assert np.array_equal(inference.logits, logits[:150])
    assert set(inference.parts) == {"pack", "transfer", "accelerator", "unpack"}
    assert " ".join(events).replace("_", "") == (
        "fill start fill wait fetch start unpack fill wait fetch start unpack wait fetch unpack"
    )


def a_dma_out_of_memory_is_noticed(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with overlay(package, 1) as driver:
        driver.ibuf_packed_device[0] = SimpleNamespace(device_address=0x100)
        assert "not in an allocated buffer" in raised(BusError, driver.execute_on_buffers)


def a_broken_bitfile_is_refused(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    path = package.folder / BITFILE
    bitfile = path.read_bytes()
    zeroed = bitfile[:200] + bytes(len(bitfile) - 200)
    for broken in (bitfile[:-1000], bitfile[:40], b"", zeroed):
        path.write_bytes(broken)
        accelerator = open_accelerator(package, "pynq")
        message = raised(RadioMLError, accelerator.__enter__)
        assert "the board does not take" in message or "not a ZIP archive" in message, message
        assert allocated() == 0


def a_broken_handoff_is_refused(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """A handoff file that is cut off, and one of a design without FINN's DMA engines."""
    path = package.folder / HANDOFF
    handoff = path.read_text()
    for broken in (handoff[:-100], "", handoff.replace("odma0", "axi_dma_0")):
        path.write_text(broken)
        accelerator = open_accelerator(package, "pynq")
        assert "the board does not take" in raised(RadioMLError, accelerator.__enter__)
        assert allocated() == 0


def too_little_memory_is_told(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    memory = pynq.Device.active_device.memory
    allocate = memory.allocate

    def of_three(size: int, cacheable: bool) -> tuple[int, np.ndarray]:
        if memory.allocated == 3:
            raise RuntimeError("Failed to allocate Memory!")  # as PYNQ says it on a board
        return allocate(size, cacheable)

    memory.allocate = of_three
    accelerator = open_accelerator(package, "pynq")
    assert "Failed to allocate Memory" in raised(RadioMLError, accelerator.__enter__)
    assert allocated() == 0


def allocated() -> int:
    """Buffers in the board's memory that nobody has freed."""
    gc.collect()
    return pynq.Device.active_device.memory.allocated


@contextmanager
def overlay(package: Package, frames: int) -> Iterator[FINNDMAOverlay]:
    """finn-plus-driver's overlay itself, with buffers of this many frames."""
    driver = FINNDMAOverlay(
        str(package.folder / BITFILE),
        "zynq-iodma",
        io_shapes(package.manifest, "idma0", "odma0"),
        batch_size=frames,
        runtime_weight_dir=str(package.folder / "none"),
    )
    try:
        yield driver
    finally:
        driver.ibuf_packed_device = driver.obuf_packed_device = None


def raised(kind: type[BaseException], call: Callable[..., object], *arguments: object) -> str:
    """The message of the exception that a call must raise."""
    try:
        call(*arguments)
    except kind as error:
        return str(error)
    raise AssertionError(f"{call} raised no {kind.__name__}")


if __name__ == "__main__":
    name, package_file, arrays_file = sys.argv[1:]
    with np.load(arrays_file) as arrays, tempfile.TemporaryDirectory() as folder:
        globals()[name](open_package(package_file, Path(folder)), arrays["integers"], arrays["logits"])
    print(f"{name}: done")
