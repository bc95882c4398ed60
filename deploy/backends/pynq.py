"""Backend `pynq`: a bitfile on the board that PYNQ finds, or on a board in the network, through finn-plus-driver.

finn-plus-driver loads the bitfile and starts the DMA engines. This file replaces three other parts of it:

- Packing: finn-plus-driver is 80 times slower than `radioml.contract.packing` and takes full batches only.
- Waiting: finn-plus-driver waits for ever when the accelerator hangs.
- Weights: finn-plus-driver would read weights from a folder in the working directory.

`deploy.backends.zynq_shell` and `deploy.backends.alveo_shell` have what differs between a Zynq and an Alveo.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

import numpy as np

from deploy.accelerator import Inference, Runs, check_frames
from deploy.backends.alveo_shell import AlveoShell
from deploy.backends.interrupts import interrupted_afterwards
from deploy.backends.zynq_shell import ZynqShell
from radioml.contract.package import BITSTREAM, XCLBIN, Package
from radioml.contract.packing import pack, unpack
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from pynq.buffer import PynqBuffer

TIMEOUT_SECONDS = 120.0
"""How long one transfer may take; on a board it takes milliseconds, on a simulated one seconds."""
TRANSFER_FRAMES = 256
"""Frames a transfer: enough to hide Python's time to start a transfer, few enough for the simulated board."""


class Shell(Protocol):
    """What surrounds the accelerator: memory that it shares with the host, and its two DMA engines.

    remedy: what the user can do when the accelerator hangs.
    reads_slices: whether a part of a buffer can be invalidated.
    buffers: two pairs of an input and an output buffer, once loaded.
    """

    remedy: str
    reads_slices: bool
    buffers: list[tuple[PynqBuffer, PynqBuffer]]

    def load(self, frames: int) -> None:
        """Load the package's bitfile and allocate buffers of `frames` frames; raises RadioMLError where that fails."""
        ...

    def unload(self) -> None:
        """Free the buffers and release the board, also after a load that failed half-way."""
        ...

    def reported(self) -> AbstractContextManager[None]:
        """Turn errors of the board's libraries into RadioMLError."""
        ...

    def start(self, source: PynqBuffer, sink: PynqBuffer, frames: int) -> None:
        """Start the DMA engines on the first `frames` frames of these buffers."""
        ...

    def idle(self) -> bool:
        """Whether no transfer is under way."""
        ...

    def done(self) -> bool:
        """Whether the transfer has ended; called until it is True, and then no more."""
        ...

    def clock_mhz(self) -> float:
        """See `Accelerator.clock_mhz`."""
        ...

    def name(self) -> str:
        """See `Accelerator.board_name`."""
        ...


class PynqAccelerator:
    """The package's bitfile on PYNQ's active device, or on `target`; see `deploy.accelerator.Accelerator`."""

    def __init__(
        self,
        package: Package,
        processes: int | None = None,
        target: str | None = None,
        transfer_frames: int = TRANSFER_FRAMES,
    ) -> None:
        """See `open_accelerator`. Raises RadioMLError for a package without a bitfile. processes has no effect."""
        self.manifest = self.network = package.manifest
        if self.manifest.kind == "simulation" or (package.folder / BITSTREAM).is_file():
            raise RadioMLError(
                f"the package for {self.manifest.board} is of kind {self.manifest.kind!r}: the pynq backend needs one "
                "with a bitfile for a Zynq or an Alveo in it, as `radioml build --until bitfile` makes it"
            )
        self.runs_on: Runs = "board" if self.manifest.kind == "bitfile" else "simulated board"
        self._transfer_frames = transfer_frames
        if transfer_frames < 1:
            raise RadioMLError(f"a transfer has at least 1 frame, not {transfer_frames}")
        self.batch_frames = 4 * transfer_frames
        shell = AlveoShell if (package.folder / XCLBIN).is_file() else ZynqShell
        self._shell: Shell = shell(package, target)
        self._loaded = False

    def __enter__(self) -> PynqAccelerator:
        """Load the bitfile and allocate the buffers.

        Raises RadioMLError without PYNQ, without a board, and for a bitfile that the board cannot read; for a board on
        the network also what `deploy.backends.remote_board` raises.
        """
        try:
            with self._shell.reported():
                self._shell.load(self._transfer_frames)
        except BaseException:
            self._shell.unload()
            raise
        self._loaded = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the buffers; the bitfile stays loaded. A transfer that hangs is ended by loading the bitfile again."""
        self._loaded = False
        self._shell.unload()

    def clock_mhz(self) -> float:
        """See `Accelerator.clock_mhz`."""
        self._check_loaded()
        with self._shell.reported():
            return self._shell.clock_mhz()

    def board_name(self) -> str:
        """See `Accelerator.board_name`."""
        self._check_loaded()
        return self._shell.name()

    def infer(self, integers: np.ndarray) -> Inference:
        """See `Accelerator.infer`; frames go through in transfers of at most `transfer_frames`.

        There are two pairs of buffers. While the accelerator works on one pair, the results of the last transfer are
        unpacked from the other, and the frames of the next transfer are packed into it. Raises RadioMLError when the
        accelerator does not finish in time or its DMA engines fail; the bitfile must then be loaded again.
        """
        self._check_loaded()
        check_frames(integers)
        with self._shell.reported():
            return self._infer(integers)

    def _check_loaded(self) -> None:
        if not self._loaded:
            raise RuntimeError("enter the accelerator's context first")

    def _infer(self, integers: np.ndarray) -> Inference:
        start, parts = time.perf_counter(), dict.fromkeys(("pack", "transfer", "accelerator", "unpack"), 0.0)
        size = self._transfer_frames
        transfers = [integers[at : at + size] for at in range(0, len(integers), size)]
        logits: list[np.ndarray] = []
        words: list[np.ndarray] = []  # of the transfer before
        self._fill(0, transfers[0], parts)
        for number, frames in enumerate(transfers):
            try:
                started = self._start(number % 2, len(frames))
                logits += [self._unpack(before, parts) for before in words]
                if number + 1 < len(transfers):
                    self._fill((number + 1) % 2, transfers[number + 1], parts)
                self._wait(len(frames))
            except KeyboardInterrupt:
                self._wait(len(frames), interrupted=True)  # the next transfer, or freeing the buffers, must find no DMA
                raise
            parts["accelerator"] += time.perf_counter() - started
            words = [self._fetch(number % 2, len(frames), parts)]
        logits += [self._unpack(before, parts) for before in words]
        return Inference(np.concatenate(logits), None, 0, time.perf_counter() - start, parts)

    def _fill(self, pair: int, integers: np.ndarray, parts: dict[str, float]) -> None:
        """Pack frames into the input buffer of a pair."""
        start = time.perf_counter()
        words = pack(integers, self.manifest.input)
        packed = time.perf_counter()
        source = self._shell.buffers[pair][0][: len(integers)]
        source[:] = words.reshape(source.shape)
        source.flush()
        parts["pack"] += packed - start
        parts["transfer"] += time.perf_counter() - packed

    def _start(self, pair: int, frames: int) -> float:
        """Start the transfer of a pair of buffers; returns the start time in seconds (`time.perf_counter`)."""
        if not self._shell.idle():
            raise RadioMLError(f"the accelerator hangs in an earlier transfer. {self._shell.remedy}")
        with interrupted_afterwards():  # a DMA engine that runs without the other hangs
            self._shell.start(*self._shell.buffers[pair], frames)
        return time.perf_counter()

    def _fetch(self, pair: int, frames: int, parts: dict[str, float]) -> np.ndarray:
        """The words in the output buffer of a pair, uint8 (words, bytes)."""
        start = time.perf_counter()
        whole = self._shell.buffers[pair][1]
        sink = whole[:frames]
        (sink if self._shell.reads_slices else whole).invalidate()
        words = np.array(sink, subok=False).reshape(-1, self.manifest.output.word_bytes)
        parts["transfer"] += time.perf_counter() - start
        return words

    def _unpack(self, words: np.ndarray, parts: dict[str, float]) -> np.ndarray:
        start = time.perf_counter()
        logits = unpack(words, self.manifest.output)
        parts["unpack"] += time.perf_counter() - start
        return logits

    def _wait(self, frames: int, interrupted: bool = False) -> None:
        """Wait until the transfer has ended; raises RadioMLError after `TIMEOUT_SECONDS`.

        interrupted: after a Ctrl-C, which may have come before the transfer was started or after its end was seen.
        """
        start = time.perf_counter()
        ended = self._shell.idle if interrupted else self._shell.done
        while not ended():
            waited = time.perf_counter() - start
            if waited > TIMEOUT_SECONDS:
                raise RadioMLError(
                    f"the accelerator did not return {frames} frames in {TIMEOUT_SECONDS:g} s: it hangs (FIFOs too "
                    f"small, or a bitfile of another network). {self._shell.remedy}; build it again if it hangs again"
                )
            time.sleep(min(waited / 10, 0.01))  # a tenth late at most
