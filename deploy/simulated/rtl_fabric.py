"""A configured accelerator whose DMA engines are simulated as RTL, too: from the register's write to the memory's byte.

`RtlFabric` has the methods of `deploy.simulated.fabric.Fabric`, whose DMA engines are a model in Python. The clock runs
while a register is read or written.
"""

from __future__ import annotations

from deploy.simulated.bitfile import DMA_ADDRESSES, DMA_RANGE, INPUT_DMA
from deploy.simulated.fabric import BusError, Memory
from deploy.simulated.rtl_board import INPUT, OUTPUT, RtlBoard, compile_board, write_hdl
from radioml.contract.package import open_package
from radioml.io_dma import CONTROL
from radioml.simulation.compiled import packaged_hdl
from radioml.temporary import temporary_folder

MEMORY_BITS = 128
"""Width of a memory port, as on a Zynq UltraScale+."""
_CYCLES_A_POLL = 2000
"""Clock cycles before each read of CONTROL."""


class RtlFabric:
    """The RTL of a simulation package between our DMA engines, at the addresses of the handoff.

    board: the RTL, whose memory can be told to pause and to fail.
    """

    def __init__(self, configuration: bytes, memory: Memory) -> None:
        """Configure from a simulation package; raises RadioMLError for other data, and when the compiler fails."""
        self._memory = memory
        with temporary_folder("radioml-fabric") as folder:
            source = folder / "configuration.zip"
            source.write_bytes(configuration)
            package = open_package(source, folder)
            hdl = packaged_hdl(package)
            write_hdl(hdl, folder / "board")
            library = compile_board(folder / "board", package.manifest.input, package.manifest.output, MEMORY_BITS)
            self.board = RtlBoard(library, hdl)

    def close(self) -> None:
        """Free the simulator."""
        self.board.close()

    def read(self, address: int) -> int:
        """Read a register; raises BusError at an address without one, and as `RtlBoard.run` does."""
        engine, offset = _register(address)
        if offset == CONTROL:
            self.board.run(_CYCLES_A_POLL)
        return self.board.read(engine, offset)

    def write(self, address: int, value: int) -> None:
        """Write a register; raises as `read` does."""
        engine, offset = _register(address)
        if offset == CONTROL:
            self.board.map(self._memory.pages)
        self.board.write(engine, offset, value)


def _register(address: int) -> tuple[int, int]:
    for name, base in DMA_ADDRESSES.items():
        if base <= address < base + DMA_RANGE:
            return INPUT if name == INPUT_DMA else OUTPUT, address - base
    raise BusError(f"no register at {address:#x}")
