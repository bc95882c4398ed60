"""The parts of the simulated board: memory behind a cache, two DMA engines, and the accelerator between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Lock

import numpy as np

from deploy.simulated.bitfile import DMA_ADDRESSES, DMA_RANGE, INPUT_DMA, OUTPUT_DMA
from radioml.contract.package import StreamFormat, open_package
from radioml.contract.packing import pack, unpack
from radioml.errors import RadioMLError
from radioml.io_dma import ADDRESS_HIGH, ADDRESS_LOW, CONTROL, DONE, IDLE, READY, REPETITIONS, START
from radioml.simulation.compiled import packaged_simulator
from radioml.simulation.rtl_simulator import RtlSimulator
from radioml.temporary import temporary_folder

_PAGE = 4096
_GARBAGE = 0xA5  # memory is not zero when it is allocated


class BusError(RuntimeError):
    """An access that no memory or register answers; on a board, the processor or the DMA engine would stop."""


class Memory:
    """DRAM as the processor and the DMA engines see it: two copies, equal only after a flush or an invalidation.

    pages: the DRAM of each block by its address, whole pages.
    """

    def __init__(self, base: int = 0x4000_0000) -> None:
        self._next = base
        self._blocks: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.pages: dict[int, np.ndarray] = {}

    @property
    def allocated(self) -> int:
        """Blocks in use."""
        return len(self._blocks)

    def allocate(self, size: int, cacheable: bool) -> tuple[int, np.ndarray]:
        """A new block of `size` bytes: its bus address and the processor's view of it, uint8 (size,)."""
        address, pages = self._next, np.full(-(-size // _PAGE) * _PAGE, _GARBAGE, np.uint8)
        dram = pages[:size]
        view = dram.copy() if cacheable else dram
        self._blocks[address], self.pages[address] = (view, dram), pages
        self._next += len(pages)
        return address, view

    def free(self, address: int) -> None:
        """Give back the block at this address."""
        del self._blocks[address], self.pages[address]

    def flush(self, address: int, offset: int, size: int) -> None:
        """Write the processor's bytes of a block to DRAM."""
        view, dram = self._blocks[address]
        dram[offset : offset + size] = view[offset : offset + size]

    def invalidate(self, address: int, offset: int, size: int) -> None:
        """Let the processor see DRAM's bytes of a block."""
        view, dram = self._blocks[address]
        view[offset : offset + size] = dram[offset : offset + size]

    def dram(self, address: int, size: int) -> np.ndarray:
        """What a DMA engine reaches: uint8 (size,); raises BusError outside of an allocated block."""
        for start, (_, dram) in self._blocks.items():
            if start <= address and address + size <= start + len(dram):
                return dram[address - start : address - start + size]
        raise BusError(f"DMA of {size} bytes at {address:#x}: not in an allocated buffer")


class Dma:
    """The registers of one of the I/O DMA engines, and whether it runs."""

    def __init__(self) -> None:
        self._registers = dict.fromkeys((ADDRESS_LOW, ADDRESS_HIGH, REPETITIONS), 0)
        self._status = IDLE
        self._lock = Lock()

    @property
    def running(self) -> bool:
        """Whether the engine was started and is not done."""
        return not self._status & IDLE

    @property
    def address(self) -> int:
        """Bus address of the buffer."""
        return self._registers[ADDRESS_HIGH] << 32 | self._registers[ADDRESS_LOW]

    @property
    def frames(self) -> int:
        """Frames to transfer."""
        return self._registers[REPETITIONS]

    def read(self, offset: int) -> int:
        """The register at this offset."""
        if offset != CONTROL:
            return self._registers.get(offset, 0)
        with self._lock:
            status, self._status = self._status, self._status & ~(DONE | READY)
        return status

    def write(self, offset: int, value: int) -> bool:
        """Write a register; returns whether that starts a transfer."""
        if offset != CONTROL:
            self._registers[offset] = value
            return False
        starts = bool(value & START) and not self.running
        if starts:
            self._status = START
        return starts

    def finish(self) -> None:
        """End the transfer."""
        with self._lock:
            self._status = DONE | READY | IDLE


class Fabric:
    """A configured accelerator: the RTL of a simulation package between an input and an output DMA engine.

    The fabric runs in a thread beside the processor. Frames wait in the design until the output DMA fetches them. The
    output DMA runs for ever where the design deadlocks, or gets fewer frames than the output DMA waits for.
    """

    def __init__(self, configuration: bytes, memories: Mapping[str, Memory]) -> None:
        """Configure from the data of a bitfile; memories: DMA engine -> the memory that it is connected to.

        Raises RadioMLError unless the data are an accelerator for this board.
        """
        self._memories = memories
        self._folder = ExitStack()
        folder = self._folder.enter_context(temporary_folder("radioml-fabric"))
        source = folder / "configuration.zip"
        source.write_bytes(configuration)
        package = open_package(source, folder)
        library, data = packaged_simulator(package)
        self._input, self._output = package.manifest.input, package.manifest.output
        self._simulator = RtlSimulator(library, data, self._input, self._output)
        self._dmas = {INPUT_DMA: Dma(), OUTPUT_DMA: Dma()}
        self._results: deque[np.ndarray] = deque()
        self._thread = ThreadPoolExecutor(1, "fabric")
        self._fault: Exception | None = None

    def close(self) -> None:
        """Wait for the transfers under way and free the simulator."""
        self._thread.shutdown()
        self._simulator.close()
        self._folder.close()

    def read(self, address: int) -> int:
        """Read a register; raises BusError at an address without one, and the error that broke a transfer off."""
        if self._fault is not None:
            raise self._fault
        dma, offset = self._at(address)
        return dma.read(offset)

    def write(self, address: int, value: int) -> None:
        """Write a register; raises BusError at an address without one."""
        dma, offset = self._at(address)
        if dma.write(offset, value):
            self._thread.submit(self._transfer_or_fault)

    def _at(self, address: int) -> tuple[Dma, int]:
        for name, base in DMA_ADDRESSES.items():
            if base <= address < base + DMA_RANGE:
                return self._dmas[name], address - base
        raise BusError(f"no register at {address:#x}")

    def _transfer_or_fault(self) -> None:
        try:
            self._transfer()
        except Exception as error:  # raised at the next read of a register
            self._fault = error

    def _transfer(self) -> None:
        """In the fabric's thread, after a DMA was started: stream its frames in, or wait for the last to come out."""
        source, sink = self._dmas[INPUT_DMA], self._dmas[OUTPUT_DMA]
        if source.running:
            words = self._memories[INPUT_DMA].dram(source.address, _size(source.frames, self._input))
            integers = unpack(words.reshape(-1, self._input.word_bytes), self._input)
            try:
                self._results.extend(self._simulator.run(integers).integers)
            except RadioMLError:
                return  # a deadlock, which a board would not report either
            source.finish()
        if sink.running and len(self._results) >= sink.frames:
            integers = np.stack([self._results.popleft() for _ in range(sink.frames)])
            words = self._memories[OUTPUT_DMA].dram(sink.address, _size(sink.frames, self._output))
            words[:] = pack(integers, self._output).ravel()
            sink.finish()


def _size(frames: int, stream: StreamFormat) -> int:
    """Bytes of this many frames in memory."""
    return frames * stream.words * stream.word_bytes
