"""Backend `pynq`: a bitfile on the board that PYNQ finds, or on one in the network, driven through finn-plus-driver.

finn-plus-driver loads the bitfile, sets the clock, allocates the buffers and starts the DMA engines. Three things it
does are done here instead: its packing is 80 times slower than `radioml.packing` and takes full batches only, its
waiting never ends when the accelerator hangs, and it would read weights from a folder in the working directory.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from deploy import remote_board
from deploy.accelerator import Inference, check_frames
from radioml.errors import RadioMLError
from radioml.package import BITFILE, HANDOFF, XCLBIN, Package, StreamFormat
from radioml.packing import pack, unpack

if TYPE_CHECKING:
    from finn_plus_driver.overlays.dma import FINNDMAOverlay
    from pynq.buffer import PynqBuffer
    from pynq.pl_server.remote_device import RemoteDevice

TIMEOUT_SECONDS = 120.0
"""How long one transfer may take; on a board it takes milliseconds, on a simulated one seconds."""
TRANSFER_FRAMES = 256
"""Frames a transfer: enough to hide what Python needs to start it, few enough for the simulated board."""
_CONTROL, _DONE, _IDLE = 0x00, 0x2, 0x4
_CONTROL_BITS = 0x0000_028F
"""Bits that block control (ap_ctrl_hs) of an HLS kernel can set: start, done, idle, ready, auto-restart, interrupt; see
"S_AXILITE Control Register Map" in the Vitis HLS user guide, UG1399."""


class PynqAccelerator:
    """The package's bitfile on PYNQ's active device, or on `target`; see `deploy.accelerator.Accelerator`."""

    def __init__(
        self,
        package: Package,
        processes: int | None = None,
        target: str | None = None,
        transfer_frames: int = TRANSFER_FRAMES,
    ) -> None:
        """Refuse a package without a bitfile. See `open_accelerator`; processes: of no effect here."""
        self.manifest = package.manifest
        self._target, self._transfer_frames = target, transfer_frames
        if transfer_frames < 1:
            raise RadioMLError(f"{transfer_frames} frames a transfer: at least 1")
        self.batch_frames = 4 * transfer_frames
        if (package.folder / XCLBIN).is_file():
            raise RadioMLError(
                f"the package holds an {XCLBIN} for an Alveo card, which the pynq backend cannot drive: PYNQ 4 "
                "finds no Alveo cards and starts no kernels any more. The software backend runs the same network"
            )
        if self.manifest.kind != "bitfile" or not all((package.folder / name).is_file() for name in (BITFILE, HANDOFF)):
            raise RadioMLError(
                f"the package is of kind {self.manifest.kind!r}: the pynq backend needs one with a bitfile in it, "
                f"{BITFILE} and {HANDOFF}"
            )
        self._folder = package.folder
        self._remote: RemoteDevice | None = None
        self._overlay: FINNDMAOverlay | None = None
        self._buffers: list[tuple[PynqBuffer, PynqBuffer]] = []

    def __enter__(self) -> PynqAccelerator:
        """Load the bitfile and allocate the buffers.

        Raises RadioMLError where there is no PYNQ, no board, or a bitfile or handoff that the board cannot read; for a
        board on the network also as `deploy.remote_board` does.
        """
        try:
            from finn_plus_driver import FINNDMAOverlay
            from pynq import Device, allocate
        except ImportError as error:
            raise RadioMLError(
                f"the pynq backend needs the Python packages of requirements/board.txt: {error}"
            ) from error
        if self._target is not None:
            self._remote = remote_board.connect(self._target)
        elif not Device.devices:
            raise RadioMLError("PYNQ finds no board here; run this on the board, in its XRT environment (XILINX_XRT)")
        try:
            with self._reported():
                self._load(FINNDMAOverlay, allocate)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _load(self, driver: type[FINNDMAOverlay], allocate: Callable[..., PynqBuffer]) -> None:
        """Load the bitfile through finn-plus-driver, which allocates a pair of buffers, and allocate another."""
        try:
            if self._remote is not None:
                remote_board.upload(self._remote, self._folder / BITFILE)
            self._overlay = driver(
                str(self._folder / BITFILE),
                "zynq-iodma",
                io_shapes(self.manifest.input, self.manifest.output),
                batch_size=self._transfer_frames,
                fclk_mhz=self.manifest.clock_mhz,
                device=self._remote,
                runtime_weight_dir=str(self._folder / "runtime_weights"),
            )
            first = self._overlay.ibuf_packed_device[0], self._overlay.obuf_packed_device[0]
            source, sink = (
                allocate(buffer.shape, np.uint8, cacheable=True, target=self._overlay.device) for buffer in first
            )
            self._buffers = [first, (source, sink)]
        except (RuntimeError, OSError, AttributeError, ValueError, IndexError, SyntaxError, struct.error) as error:
            raise RadioMLError(f"the board does not take the package's {BITFILE}: {error}") from error
        if self._remote is not None:
            remote_board.check_configured(self._remote)

    def _reported(self) -> AbstractContextManager[None]:
        return nullcontext() if self._target is None else remote_board.reported(self._target)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the buffers and leave the board; the bitfile stays loaded, anew where a transfer has not ended."""
        if self._buffers:
            with suppress(Exception):  # a board that does not even answer has been reported
                self._stop()
        buffers, self._buffers = [buffer for pair in self._buffers for buffer in pair], []
        if self._overlay is not None:
            self._overlay.ibuf_packed_device = self._overlay.obuf_packed_device = None
            self._overlay = None
        if self._remote is not None:
            remote_board.disconnect(self._remote, buffers)
            self._remote = None

    def clock_mhz(self) -> float:
        """See `Accelerator.clock_mhz`: PL clock 0, from its registers, through the design's clocking wizard.

        The wizard's own registers are out of reach in FINN's design: its ratio, for 100 MHz in, is the handoff's.
        """
        from pynq.ps import Clocks

        if self._overlay is None:
            raise RuntimeError("enter the accelerator's context first")
        with self._reported():
            return Clocks.fclk0_mhz / 100 * self._overlay.fclk_mhz_actual

    def board_name(self) -> str:
        """See `Accelerator.board_name`."""
        if self._overlay is None:
            raise RuntimeError("enter the accelerator's context first")
        return self._overlay.device.name

    def infer(self, integers: np.ndarray) -> Inference:
        """See `Accelerator.infer`; any number of frames goes through in transfers of up to the transfer's size.

        There are two pairs of buffers: while the accelerator works on one, the results of the transfer before are
        unpacked and the frames of the next packed in the other. Raises RadioMLError when the accelerator does not
        finish in time or its registers read as no FINN DMA engine's; it must be loaded anew then.
        """
        if self._overlay is None:
            raise RuntimeError("enter the accelerator's context first")
        check_frames(integers, self.manifest)
        with self._reported():
            return self._infer(integers)

    def _infer(self, integers: np.ndarray) -> Inference:
        start, parts = time.perf_counter(), dict.fromkeys(("pack", "transfer", "accelerator", "unpack"), 0.0)
        size = self._transfer_frames
        transfers = [integers[at : at + size] for at in range(0, len(integers), size)]
        logits: list[np.ndarray] = []
        words = None
        self._fill(0, transfers[0], parts)
        for number, frames in enumerate(transfers):
            try:
                started = self._start(number % 2, len(frames))
                if words is not None:
                    logits.append(self._unpack(words, parts))
                if number + 1 < len(transfers):
                    self._fill((number + 1) % 2, transfers[number + 1], parts)
                self._wait(_DONE, len(frames))
            except KeyboardInterrupt:
                self._wait(_IDLE, len(frames))  # the next transfer, or freeing the buffers, must find no DMA running
                raise
            parts["accelerator"] += time.perf_counter() - started
            words = self._fetch(number % 2, len(frames), parts)
        logits.append(self._unpack(words, parts))
        return Inference(np.concatenate(logits), None, 0, time.perf_counter() - start, parts)

    def _fill(self, pair: int, integers: np.ndarray, parts: dict[str, float]) -> None:
        """Pack frames into the input buffer of a pair."""
        start = time.perf_counter()
        words = pack(integers, self.manifest.input)
        packed = time.perf_counter()
        source = self._buffers[pair][0][: len(integers)]
        source[:] = words.reshape(source.shape)
        source.flush()
        parts["pack"] += packed - start
        parts["transfer"] += time.perf_counter() - packed

    def _start(self, pair: int, frames: int) -> float:
        """Start the transfer of a pair of buffers; returns when."""
        if not self._status() & _IDLE:
            raise RadioMLError("the accelerator hangs in an earlier transfer; load it again")
        source, sink = self._buffers[pair]
        self._overlay.ibuf_packed_device, self._overlay.obuf_packed_device = [source], [sink]
        self._overlay.execute_on_buffers(asynch=True, batch_size=frames)
        return time.perf_counter()

    def _fetch(self, pair: int, frames: int, parts: dict[str, float]) -> np.ndarray:
        """The words in the output buffer of a pair, uint8 (words, bytes)."""
        start = time.perf_counter()
        whole = self._buffers[pair][1]
        sink = whole[:frames]
        (sink if self._remote is None else whole).invalidate()  # PYNQ reads a remote buffer whole or not at all
        words = np.array(sink, subok=False).reshape(-1, self.manifest.output.word_bytes)
        parts["transfer"] += time.perf_counter() - start
        return words

    def _unpack(self, words: np.ndarray, parts: dict[str, float]) -> np.ndarray:
        start = time.perf_counter()
        logits = unpack(words, self.manifest.output)
        parts["unpack"] += time.perf_counter() - start
        return logits

    def _status(self) -> int:
        """The output DMA's control register; raises RadioMLError when bits are set that FINN's DMA engine has not."""
        status = self._overlay.odma[0].read(_CONTROL)
        if status & ~_CONTROL_BITS:
            raise RadioMLError(
                f"the output DMA's control register reads {status:#010x}, which FINN's DMA engine cannot: an error on "
                "its bus, or the bitfile of another design. Load the package's bitfile again"
            )
        return status

    def _wait(self, bit: int, frames: int) -> None:
        """Until the output DMA has this bit set; raises RadioMLError after `TIMEOUT_SECONDS`."""
        start = time.perf_counter()
        while not self._status() & bit:
            waited = time.perf_counter() - start
            if waited > TIMEOUT_SECONDS:
                raise RadioMLError(
                    f"the accelerator did not return {frames} frames in {TIMEOUT_SECONDS:g} s: it hangs (FIFOs too "
                    "small, or a bitfile of another network). Load it again; build it again if it hangs again"
                )
            time.sleep(min(waited / 10, 0.01))  # a tenth late at most

    def _stop(self) -> None:
        """Leave no DMA engine running into memory that is about to be free.

        FINN's has no register that stops it: a new configuration does.
        """
        try:
            idle = self._status() & _IDLE
        except RadioMLError:
            idle = False
        if not idle:
            self._overlay.download()


def io_shapes(input: StreamFormat, output: StreamFormat) -> dict[str, Any]:
    """The streams in finn-plus-driver's words, as FINN writes them to settings.json."""
    shapes: dict[str, Any] = {"num_inputs": 1, "num_outputs": 1, "idma_names": ["idma0"], "odma_names": ["odma0"]}
    for letter, stream in (("i", input), ("o", output)):
        shapes |= {
            f"{letter}dt": [f"DataType['{'' if stream.signed else 'U'}INT{stream.bits}']"],
            f"{letter}shape_normal": [(1, *stream.shape)],
            f"{letter}shape_folded": [(1, stream.words, stream.elements)],
            f"{letter}shape_packed": [(1, stream.words, stream.word_bytes)],
        }
    return shapes
