"""Backend `pynq`: a bitfile on the board that PYNQ finds, driven through finn-plus-driver.

finn-plus-driver loads the bitfile, sets the clock, allocates the buffers and starts the DMA engines. Three things it
does are done here instead: its packing is 80 times slower than `radioml.packing` and takes full batches only, its
waiting never ends when the accelerator hangs, and it would read weights from a folder in the working directory.
"""

from __future__ import annotations

import struct
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from deploy.accelerator import Inference, check_frames
from radioml.errors import RadioMLError
from radioml.package import BITFILE, HANDOFF, Package, StreamFormat
from radioml.packing import pack, unpack

if TYPE_CHECKING:
    from finn_plus_driver.overlays.dma import FINNDMAOverlay

TIMEOUT_SECONDS = 120.0
"""How long one transfer may take; on a board it takes milliseconds, on a simulated one seconds."""
_BUFFER_FRAMES = 64
"""Frames a transfer: enough to hide what Python needs to start it, few enough for the simulated board."""
_CONTROL, _DONE, _IDLE = 0x00, 0x2, 0x4


class PynqAccelerator:
    """The package's bitfile on PYNQ's active device; see `deploy.accelerator.Accelerator`."""

    batch_frames = 4 * _BUFFER_FRAMES

    def __init__(self, package: Package, processes: int | None = None) -> None:
        """Refuse a package without a bitfile. processes: of no effect; the accelerator does the work."""
        self.manifest = package.manifest
        if self.manifest.kind != "bitfile" or not all((package.folder / name).is_file() for name in (BITFILE, HANDOFF)):
            raise RadioMLError(
                f"the package is of kind {self.manifest.kind!r}: the pynq backend needs one with a bitfile in it, "
                f"{BITFILE} and {HANDOFF}"
            )
        self._folder = package.folder
        self._overlay: FINNDMAOverlay | None = None

    def __enter__(self) -> PynqAccelerator:
        """Load the bitfile and allocate the buffers.

        Raises RadioMLError where there is no PYNQ, no board, or a bitfile or handoff that the board cannot read.
        """
        try:
            from finn_plus_driver import FINNDMAOverlay
            from pynq import Device
        except ImportError as error:
            raise RadioMLError(
                f"the pynq backend needs the Python packages of requirements/board.txt: {error}"
            ) from error
        if not Device.devices:
            raise RadioMLError("PYNQ finds no board here; run this on the board, in its XRT environment (XILINX_XRT)")
        try:
            self._overlay = FINNDMAOverlay(
                str(self._folder / BITFILE),
                "zynq-iodma",
                io_shapes(self.manifest.input, self.manifest.output),
                batch_size=_BUFFER_FRAMES,
                fclk_mhz=self.manifest.clock_mhz,
                runtime_weight_dir=str(self._folder / "runtime_weights"),
            )
        except (RuntimeError, OSError, AttributeError, ValueError, IndexError, struct.error) as error:
            raise RadioMLError(f"the board does not take the package's {BITFILE}: {error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the buffers; the bitfile stays loaded."""
        if self._overlay is not None:
            self._overlay.ibuf_packed_device = self._overlay.obuf_packed_device = None
            self._overlay = None

    def infer(self, integers: np.ndarray) -> Inference:
        """See `Accelerator.infer`; any number of frames goes through in transfers of up to `_BUFFER_FRAMES`.

        Raises RadioMLError when the accelerator does not finish in time; it must be loaded anew then.
        """
        if self._overlay is None:
            raise RuntimeError("enter the accelerator's context first")
        check_frames(integers, self.manifest)
        start = time.perf_counter()
        transfers = [integers[at : at + _BUFFER_FRAMES] for at in range(0, len(integers), _BUFFER_FRAMES)]
        logits = np.concatenate([self._transfer(self._overlay, frames) for frames in transfers])
        return Inference(logits, None, 0, time.perf_counter() - start)

    def _transfer(self, overlay: FINNDMAOverlay, integers: np.ndarray) -> np.ndarray:
        """At most a buffer of frames through the accelerator."""
        frames = len(integers)
        source, sink = overlay.ibuf_packed_device[0][:frames], overlay.obuf_packed_device[0][:frames]
        source[:] = pack(integers, self.manifest.input).reshape(source.shape)
        source.flush()
        if not overlay.odma[0].read(_CONTROL) & _IDLE:
            raise RadioMLError("the accelerator hangs in an earlier transfer; load it again")
        overlay.execute_on_buffers(asynch=True, batch_size=frames)
        try:
            self._wait(overlay, frames)
        except KeyboardInterrupt:
            self._wait(overlay, frames)  # the DMA engines must not run on into memory that is free
            raise
        sink.invalidate()
        words = np.array(sink, subok=False).reshape(-1, self.manifest.output.word_bytes)
        return unpack(words, self.manifest.output)

    def _wait(self, overlay: FINNDMAOverlay, frames: int) -> None:
        """Until the output DMA is done."""
        start = time.perf_counter()
        while not overlay.odma[0].read(_CONTROL) & _DONE:
            waited = time.perf_counter() - start
            if waited > TIMEOUT_SECONDS:
                raise RadioMLError(
                    f"the accelerator did not return {frames} frames in {TIMEOUT_SECONDS:g} s: it hangs (FIFOs too "
                    "small, or a bitfile of another network). Load it again; build it again if it hangs again"
                )
            time.sleep(min(waited / 10, 0.01))  # a tenth late at most


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
