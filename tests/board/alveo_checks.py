"""Checks of the pynq backend on the simulated Alveo card, in the board's environment with PYNQ 3.0.1.

The arguments are those of checks.py, with a package for an Alveo. PYNQ and finn-plus-driver are real; XRT's core
library and the card are simulated.
"""

# ruff: noqa: E402
from __future__ import annotations

import errno
import gc
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from deploy.simulated.xrt import plug_in

CARD = plug_in()  # before PYNQ, which looks for XRT when it is imported

import pynq
from finn_plus_driver import FINNDMAOverlay
from interrupts import answers_of_idle, ctrl_c, first, held, interrupted_after
from pynq.pl_server.xrt_device import XrtDevice

from deploy.accelerator import open_accelerator
from deploy.backends import pynq as pynq_board
from deploy.backends.alveo_overlay import AlveoOverlay
from deploy.backends.finn_dma import ALVEO_DMAS
from deploy.backends.finn_streams import io_shapes
from deploy.checks.golden import check_golden
from deploy.simulated.card import XrtError
from radioml.contract.package import XCLBIN, Package, open_package
from radioml.errors import RadioMLError


def same_integers(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with open_accelerator(package, "pynq") as accelerator:
        assert type(pynq.Device.active_device) is XrtDevice
        assert accelerator.board_name() == "simulated Alveo card"
        assert accelerator.clock_mhz() == package.manifest.clock_mhz
        check_golden(accelerator, package)
        inference = accelerator.infer(integers)
        assert np.array_equal(inference.logits, logits)
        assert min(inference.parts[name] for name in ("pack", "transfer", "accelerator", "unpack")) > 0
        assert [bank.allocated for bank in CARD.banks.values()] == [2, 2]  # two pairs, each half where its DMA reaches
        assert CARD.contexts == {0, 1}
    assert left_behind() == (0, set())


def any_batch_size(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with open_accelerator(package, "pynq", transfer_frames=64) as accelerator:
        for start, stop in ((0, 1), (1, 8), (8, 73), (10, 138), (3, 4)):
            inference = accelerator.infer(integers[start:stop])
            assert inference.logits.dtype == np.int64
            assert np.array_equal(inference.logits, logits[start:stop])
    assert left_behind() == (0, set())


def finn_driver_alone(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """finn-plus-driver finds no memory banks; given the banks, it does everything else by itself."""
    unmodified = raised(RuntimeError, lambda: overlay(package, 3, FINNDMAOverlay))
    assert "Multiple memories active in design" in unmodified
    driver = overlay(package, 3)
    found = driver.execute(integers[:3].astype(np.float32))
    assert np.array_equal(found, logits[:3])


def synchronisation(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """Data must be copied to the card to reach the accelerator, and back to reach the host."""
    driver = overlay(package, 1)
    source, sink = driver.ibuf_packed_device[0], driver.obuf_packed_device[0]
    source[:] = integers[:1].view(np.uint8).reshape(source.shape)
    before = np.array(sink)
    driver.execute_on_buffers()
    assert np.array_equal(sink, before)
    sink.invalidate()
    unsent = np.array(sink)
    source.flush()
    driver.execute_on_buffers()
    sink.invalidate()
    assert not np.array_equal(sink, unsent)
    assert np.array_equal(driver.unfold_output(driver.unpack_output(np.array(sink))), logits[:1])


def a_hang_ends_with_a_message(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """Nothing stops a kernel, so the memory that it may write stays allocated; here it writes when frames come."""
    pynq_board.TIMEOUT_SECONDS = 0.2
    with open_accelerator(package, "pynq") as accelerator:
        driver = accelerator._shell.overlay
        driver.idma[0].start = lambda buffer, frames: None  # no frame ever reaches the accelerator
        message = raised(RadioMLError, accelerator.infer, integers[:3])
        assert "did not return 3 frames in 0.2 s: it hangs" in message and "xbutil reset" in message
        assert "hangs in an earlier transfer" in raised(RadioMLError, accelerator.infer, integers[:3])
        sink = driver.obuf_packed_device[0]
        address, before = (
            sink.device_address,
            np.array(CARD.banks[ALVEO_DMAS[1]].dram(sink.device_address, sink.nbytes)),
        )
        del driver, sink
    assert left_behind()[0] == 4
    with open_accelerator(package, "pynq") as accelerator:
        raised(RadioMLError, accelerator.infer, integers[:3])  # these frames' results are those of the hanging transfer
    CARD.fabric.close()  # waits until the frames are through
    after = CARD.banks[ALVEO_DMAS[1]].dram(address, before.size)
    assert not np.array_equal(before, after)


def an_interrupt_lets_the_transfer_end(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with open_accelerator(package, "pynq") as accelerator:
        go = held(CARD.fabric)
        answers = answers_of_idle(accelerator._shell, {3: go.set})
        first(accelerator._shell, "done", ctrl_c)  # asked for while the transfer is under way
        raised(KeyboardInterrupt, accelerator.infer, integers[:3])
        assert answers[:3] == [True, False, False] and answers[-1]
        assert accelerator._shell.overlay.odma_handle == [None]
        assert np.array_equal(accelerator.infer(integers[:3]).logits, logits[:3])
    assert left_behind() == (0, set())


def an_interrupt_at_any_moment(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """No transfer stays under way, and the next one gives its own results."""
    with open_accelerator(package, "pynq", transfer_frames=4) as accelerator:
        seconds = accelerator.infer(integers[:12]).seconds
        for moment in np.linspace(0, 1.2 * seconds, 16):
            interrupted_after(moment, accelerator.infer, integers[:12])
            assert accelerator._shell.idle()
            assert np.array_equal(accelerator.infer(integers[3:9]).logits, logits[3:9])
    assert left_behind() == (0, set())


def an_interrupt_between_the_engines(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """Without a started output DMA, these frames would become the next transfer's results."""
    with open_accelerator(package, "pynq") as accelerator:
        engine = accelerator._shell.overlay.odma[0]
        start = engine.start
        engine.start = lambda buffer, frames: (ctrl_c(), start(buffer, frames))[1]
        raised(KeyboardInterrupt, accelerator.infer, integers[:3])
        engine.start = start
        assert np.array_equal(accelerator.infer(integers[3:6]).logits, logits[3:6])
    assert left_behind() == (0, set())


def an_interrupt_while_pynq_notes_an_end(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """Interrupted in its bookkeeping, PYNQ would complete a command twice and use its buffer for two commands."""
    with open_accelerator(package, "pynq") as accelerator:
        first(accelerator._shell.overlay.device, "return_exec_bo", ctrl_c)
        raised(KeyboardInterrupt, accelerator.infer, integers[:3])
        assert np.array_equal(accelerator.infer(integers[3:6]).logits, logits[3:6])
    assert left_behind() == (0, set())


def a_second_interrupt_does_not_wait(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with open_accelerator(package, "pynq") as accelerator:
        accelerator._shell.overlay.idma[0].start = lambda buffer, frames: None
        first(accelerator._shell, "done", ctrl_c)
        answers = answers_of_idle(accelerator._shell, {4: ctrl_c})
        raised(KeyboardInterrupt, accelerator.infer, integers[:3])
        assert answers == [True, False, False, False]
    assert left_behind()[0] == 4


def a_failed_command_is_noticed(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """A DMA kernel reaches its own bank only; PYNQ's wait would report the failure as success."""
    with open_accelerator(package, "pynq") as accelerator:
        shell = accelerator._shell
        (source, _), second = shell.buffers
        shell.buffers = [(source, shell.overlay.allocate_input()), second]
        for _ in range(2):
            assert "XRT failed: Execution failed: 5" in raised(RadioMLError, accelerator.infer, integers[:3])
    assert left_behind()[0] == 4


def a_failure_of_the_fabric_is_noticed(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """An exception in the fabric's thread would look like a hang."""
    with open_accelerator(package, "pynq") as accelerator:
        CARD.fabric._simulator.run = lambda integers: 1 / 0
        assert "XRT failed: Execution failed: 5" in raised(RadioMLError, accelerator.infer, integers[:3])
    assert left_behind()[0] == 4


def a_broken_xclbin_is_refused(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    path = package.folder / XCLBIN
    xclbin = path.read_bytes()
    other_card = xclbin.replace(b"u250_simulated", b"u280_simulated", 1)
    no_kernels = xclbin.replace(b'name="idma_0"', b'name="other0"')
    no_xml = xclbin.replace(b"hwControlProtocol", b'hwControl"rotocol', 1)
    told = [
        (xclbin[:-1000], "truncated"),
        (xclbin[:400], "truncated"),
        (xclbin[:40], "not an xclbin"),
        (b"", "not an xclbin"),
        (bytes(len(xclbin)), "not an xclbin"),
        (other_card, "Programming Device failed"),
        (no_kernels, "idma_0"),
        (no_xml, "not well-formed"),
    ]
    for broken, why in told:
        path.write_bytes(broken)
        accelerator = open_accelerator(package, "pynq")
        message = raised(RadioMLError, accelerator.__enter__)
        assert "the card does not take the package's accelerator.xclbin" in message and why in message, message
        assert left_behind() == (0, set())


def too_little_memory_is_told(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    bank = CARD.banks[ALVEO_DMAS[1]]
    allocate = bank.allocate

    def of_one(size: int, cacheable: bool) -> tuple[int, np.ndarray]:
        if bank.allocated == 1:
            raise XrtError(errno.ENOMEM)
        return allocate(size, cacheable)

    bank.allocate = of_one
    accelerator = open_accelerator(package, "pynq")
    assert "Allocate failed" in raised(RadioMLError, accelerator.__enter__)
    assert left_behind() == (0, set())


def a_card_of_another_process_is_told(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    CARD.contexts.add(7)
    accelerator = open_accelerator(package, "pynq")
    assert "Bitstream in use by another program" in raised(RadioMLError, accelerator.__enter__)


def left_behind() -> tuple[int, set[int]]:
    """Buffers in the card's memory that nobody has freed, and kernels that nobody has released."""
    gc.collect()
    return CARD.allocated, CARD.contexts


def overlay(package: Package, frames: int, driver: type[FINNDMAOverlay] = AlveoOverlay) -> FINNDMAOverlay:
    shapes = io_shapes(package.manifest, *ALVEO_DMAS)
    xclbin, weights = str(package.folder / XCLBIN), str(package.folder / "none")
    return driver(xclbin, "alveo", shapes, batch_size=frames, runtime_weight_dir=weights)


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
