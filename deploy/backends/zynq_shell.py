"""A Zynq around the accelerator: the bitfile, its handoff, and the registers of the DMA engines."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING

import numpy as np

from deploy.backends import remote_board
from deploy.backends.finn_dma import ZYNQ_DMAS
from deploy.backends.finn_streams import io_shapes
from radioml.contract.package import BITFILE, HANDOFF, Package
from radioml.errors import MissingToolError, RadioMLError
from radioml.io_dma import CONTROL, CONTROL_BITS, DONE, ERROR_BITS, ERRORS, IDLE

if TYPE_CHECKING:
    from finn_plus_driver.overlays.dma import FINNDMAOverlay
    from pynq.buffer import PynqBuffer
    from pynq.pl_server.remote_device import RemoteDevice


class ZynqShell:
    """A Zynq board that runs this process, or one in the network; see `deploy.backends.pynq.Shell`."""

    remedy = "Load it again"

    def __init__(self, package: Package, target: str | None) -> None:
        """Raises RadioMLError for a package without bitfile and handoff. target: a board on the network."""
        manifest = package.manifest
        if not all((package.folder / name).is_file() for name in (BITFILE, HANDOFF)):
            raise RadioMLError(f"the package lacks the bitfile, {BITFILE}, or its handoff, {HANDOFF}; build it again")
        self._manifest, self._folder, self._target = manifest, package.folder, target
        self.reads_slices = target is None  # PYNQ reads a remote buffer whole or not at all
        self.overlay: FINNDMAOverlay | None = None
        self.buffers: list[tuple[PynqBuffer, PynqBuffer]] = []
        self._remote: RemoteDevice | None = None

    def load(self, frames: int) -> None:
        """See `Shell.load`."""
        try:
            from finn_plus_driver import FINNDMAOverlay
            from pynq import Device, allocate
        except ImportError as error:
            raise MissingToolError(
                f"the pynq backend needs Python packages that are not here ({error}); `radioml doctor board` lists them"
            ) from error
        if self._target is not None:
            self._remote = remote_board.connect(self._target)
        elif not Device.devices:
            raise RadioMLError("PYNQ finds no board here; run this on the board, in its XRT environment (XILINX_XRT)")
        try:
            self._load(FINNDMAOverlay, allocate, frames)
        except (RuntimeError, OSError, AttributeError, ValueError, IndexError, SyntaxError, struct.error) as error:
            raise RadioMLError(f"the board does not take the package's {BITFILE}: {error}") from error
        if self._remote is not None:
            remote_board.check_configured(self._remote)

    def _load(self, driver: type[FINNDMAOverlay], allocate: Callable[..., PynqBuffer], frames: int) -> None:
        """Load the bitfile through finn-plus-driver, which allocates a pair of buffers, and allocate another."""
        if self._remote is not None:
            remote_board.upload(self._remote, self._folder / BITFILE)
        self.overlay = driver(
            str(self._folder / BITFILE),
            "zynq-iodma",
            io_shapes(self._manifest, *ZYNQ_DMAS),
            batch_size=frames,
            fclk_mhz=self._manifest.clock_mhz,
            device=self._remote,
            runtime_weight_dir=str(self._folder / "runtime_weights"),
        )
        first = self.overlay.ibuf_packed_device[0], self.overlay.obuf_packed_device[0]
        source, sink = (
            allocate(buffer.shape, np.uint8, cacheable=True, target=self.overlay.device) for buffer in first
        )
        self.buffers = [first, (source, sink)]

    def reported(self) -> AbstractContextManager[None]:
        """See `Shell.reported`."""
        return nullcontext() if self._target is None else remote_board.reported(self._target)

    def unload(self) -> None:
        """See `Shell.unload`; stops the DMA engines first, so that none of them writes to freed memory."""
        if self.buffers:
            with suppress(Exception):  # a board that does not answer has been reported
                self._stop()
        buffers, self.buffers = [buffer for pair in self.buffers for buffer in pair], []
        if self.overlay is not None:
            self.overlay.ibuf_packed_device = self.overlay.obuf_packed_device = None
            self.overlay = None
        if self._remote is not None:
            remote_board.disconnect(self._remote, buffers)
            self._remote = None

    def _loaded(self) -> FINNDMAOverlay:
        if self.overlay is None:
            raise RuntimeError("no bitfile is loaded")
        return self.overlay

    def _stop(self) -> None:
        """Stop a transfer by loading the bitfile again: a DMA engine has no register that stops it."""
        try:
            idle = self.idle()
        except RadioMLError:
            idle = False
        if not idle:
            self._loaded().download()

    def start(self, source: PynqBuffer, sink: PynqBuffer, frames: int) -> None:
        """See `Shell.start`."""
        overlay = self._loaded()
        overlay.ibuf_packed_device, overlay.obuf_packed_device = [source], [sink]
        overlay.execute_on_buffers(asynch=True, batch_size=frames)

    def idle(self) -> bool:
        """See `Shell.idle`."""
        return bool(self._status() & IDLE)

    def done(self) -> bool:
        """See `Shell.done`; reading the bit clears it. Raises RadioMLError when a DMA engine has noted an error."""
        if not self._status() & DONE:
            return False
        self._check_errors()
        return True

    def _check_errors(self) -> None:
        """Raise RadioMLError for errors that a DMA engine has noted since its start; HLS engines note none."""
        overlay = self._loaded()
        for name, engine in (("input", overlay.idma[0]), ("output", overlay.odma[0])):
            noted = engine.read(ERRORS)
            if found := [meaning for bit, meaning in ERROR_BITS.items() if noted & bit]:
                raise RadioMLError(
                    f"the {name} DMA reports an error: {'; '.join(found)}. The results of this transfer are lost. "
                    f"{self.remedy}; if the error returns, the bitfile's memory port or the board's memory is at fault"
                )

    def _status(self) -> int:
        """The output DMA's control register; raises RadioMLError when it has bits set that no DMA engine sets."""
        status = self._loaded().odma[0].read(CONTROL)
        if status & ~CONTROL_BITS:
            raise RadioMLError(
                f"the output DMA's control register reads {status:#010x}, a value that no DMA engine gives: an error "
                "on its bus, or the bitfile of another design. Load the package's bitfile again"
            )
        return status

    def clock_mhz(self) -> float:
        """The clock behind the design's clocking wizard, computed from the registers of PL clock 0.

        FINN's design gives no access to the wizard's registers. The handoff says what the wizard makes of 100 MHz.
        """
        from pynq.ps import Clocks

        return Clocks.fclk0_mhz / 100 * self._loaded().fclk_mhz_actual

    def name(self) -> str:
        """See `Shell.name`."""
        return self._loaded().device.name
