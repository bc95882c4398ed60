"""An Alveo card around the accelerator: an xclbin, memory banks, and DMA kernels that XRT starts and watches.

PYNQ 3.0.1 is the last version that drives Alveo cards. In PYNQ 3.1 `XrtDevice` finds no card, and `DefaultIP` lost the
method `start`, which finn-plus-driver's `execute_on_buffers` calls. PYNQ 3.0.1 calls functions of libxrt_core that XRT
2.17 and later hide (github.com/Xilinx/XRT/pull/7998).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from deploy.backends.finn_dma import ALVEO_DMAS
from deploy.backends.finn_streams import io_shapes
from deploy.backends.interrupts import interrupted_afterwards
from radioml.contract.package import XCLBIN, Package
from radioml.errors import MissingToolError, RadioMLError

if TYPE_CHECKING:
    from pynq.buffer import PynqBuffer
    from pynq.pl_server.xrt_device import XrtDevice

    from deploy.backends.alveo_overlay import AlveoOverlay

_NEEDS = (
    "an Alveo card needs PYNQ 3.0.1, the last that drives one (requirements/alveo.txt, in an environment of its own on "
    "the card's host), and XRT 2.3 to 2.16 (source its setup.sh)"
)
MAGIC, LENGTH_AT = b"xclbin2\0", 304
"""Of `struct axlf` in XRT's xclbin.h: the file's magic number, and the offset of the file's length in the header."""
_hanging: list[object] = []
"""Overlays and buffers of transfers that have not ended: a kernel may write to them as long as this process lives."""


class AlveoShell:
    """An Alveo card in this host; see `deploy.backends.pynq.Shell`."""

    remedy = "Reset the card (xbutil reset)"
    reads_slices = True

    def __init__(self, package: Package, target: str | None) -> None:
        """Raises RadioMLError for a target: the card is in this host."""
        if target is not None:
            raise RadioMLError(
                f"--target {target}: the package is for an Alveo card, which is driven from its own host"
            )
        self._manifest, self._path = package.manifest, package.folder / XCLBIN
        self.overlay: AlveoOverlay | None = None
        self.buffers: list[tuple[PynqBuffer, PynqBuffer]] = []

    def load(self, frames: int) -> None:
        """See `Shell.load`."""
        try:
            from pynq import Device
            from pynq.overlay import DefaultIP

            from deploy.backends.alveo_overlay import AlveoOverlay

            if not hasattr(DefaultIP, "_start_ert"):
                raise ImportError(f"PYNQ {version('pynq')}")
            import_module("pynq.lib")  # as the first overlay does
            devices = Device.devices
        except (ImportError, OSError, AttributeError) as error:  # an unusable XRT raises the last two
            raise MissingToolError(f"{_NEEDS}; here: {error}. The software backend runs the same network") from error
        if not devices:
            raise RadioMLError(f"PYNQ finds no Alveo card here; {_NEEDS}")
        device = Device.active_device
        if not device.has_capability("ERT"):
            raise RadioMLError(f"{device.name} is no Alveo card, or its XRT has no scheduler; {_NEEDS}")
        try:
            self._check_container()
            self._load(AlveoOverlay, device, frames)
        except (RuntimeError, OSError, AttributeError, ValueError, LookupError, SyntaxError) as error:
            device.free_bitstream()
            raise RadioMLError(f"the card does not take the package's {XCLBIN}: {error}") from error

    def _load(self, driver: type[AlveoOverlay], device: XrtDevice, frames: int) -> None:
        """Load the xclbin through finn-plus-driver, which allocates a pair of buffers, and allocate another."""
        self.overlay = driver(
            str(self._path),
            "alveo",
            io_shapes(self._manifest, *ALVEO_DMAS),
            batch_size=frames,
            device=device,
            runtime_weight_dir=str(self._path.with_name("runtime_weights")),
        )
        first = self.overlay.ibuf_packed_device[0], self.overlay.obuf_packed_device[0]
        self.buffers = [first, (self.overlay.allocate_input(), self.overlay.allocate_output())]

    def _check_container(self) -> None:
        """Raise ValueError unless the file is a whole xclbin; PYNQ would follow its offsets out of it."""
        data = self._path.read_bytes()
        if data[: len(MAGIC)] != MAGIC or len(data) < LENGTH_AT + 8:
            raise ValueError("not an xclbin")
        (length,) = struct.unpack_from("<Q", data, LENGTH_AT)
        if length != len(data):
            raise ValueError(f"{len(data)} bytes of {length}: truncated")

    @contextmanager
    def reported(self) -> Iterator[None]:
        """See `Shell.reported`: PYNQ raises RuntimeError for errors of XRT."""
        try:
            yield
        except RuntimeError as error:
            raise RadioMLError(f"XRT failed: {error}. {self.remedy}") from error

    def unload(self) -> None:
        """See `Shell.unload`; frees the buffers and releases the kernels for other processes.

        Only a reset of the card stops a kernel that hangs, and a reset would disturb other users of the card. So after
        a failed transfer the buffers stay allocated until this process ends.
        """
        buffers, self.buffers = self.buffers, []
        overlay, self.overlay = self.overlay, None
        if overlay is None:
            return
        hangs = True
        with suppress(Exception):  # has been reported
            hangs = not self._ended(overlay)
        if hangs:
            _hanging.append((overlay, buffers))
            return
        overlay.ibuf_packed_device, overlay.obuf_packed_device = [], []
        overlay.device.free_bitstream()

    def _loaded(self) -> AlveoOverlay:
        if self.overlay is None:
            raise RuntimeError("no xclbin is loaded")
        return self.overlay

    def start(self, source: PynqBuffer, sink: PynqBuffer, frames: int) -> None:
        """See `Shell.start`."""
        overlay = self._loaded()
        overlay.ibuf_packed_device, overlay.obuf_packed_device = [source], [sink]
        overlay.execute_on_buffers(asynch=True, batch_size=frames)

    def idle(self) -> bool:
        """See `Shell.idle`."""
        return self._ended(self._loaded())

    def done(self) -> bool:
        """See `Shell.done`."""
        return self._ended(self._loaded())

    @staticmethod
    def _ended(overlay: AlveoOverlay) -> bool:
        """Whether the output DMA has ended; raises RuntimeError when XRT says that it failed.

        PYNQ's own `wait` of the handle has no time limit, and it ignores a failure that XRT reports.
        """
        handle = overlay.odma_handle[0]
        if handle is None:
            return True
        with interrupted_afterwards():  # after an interrupt PYNQ would handle the same command twice
            overlay.device._handle_events(0)
        if not handle.done:
            return False
        with suppress(StopIteration):  # the coroutine's end; an error of the coroutine passes
            handle.wait_async().send(None)
        overlay.odma_handle[0] = None
        return True

    def clock_mhz(self) -> float:
        """The kernels' clock, read from the card."""
        return float(self._loaded().device.device_info.mOCLFrequency[0])

    def name(self) -> str:
        """See `Shell.name`."""
        return self._loaded().device.name
