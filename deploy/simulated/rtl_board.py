"""The RTL of a whole bitfile, Verilated: accelerator, DMA engines, and a memory that pauses and fails on request."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioml import io_dma
from radioml.contract.package import StreamFormat
from radioml.errors import RadioMLError
from radioml.files import write_text
from radioml.simulation.compiled import compiled_top
from radioml.simulation.design import FILE_LIST
from radioml.simulation.verilator import recipe_of, sources_of

BOARD = Path(__file__).with_name("board.sv")
_HOST = Path(__file__).with_name("board.cpp")
INPUT, OUTPUT = 0, 1
"""The DMA engines."""
SLVERR, DECERR = 2, 3
"""Responses of AXI4."""


@dataclass(frozen=True)
class Traffic:
    """What has passed on the memory bus: cycles of the clock, bursts read and written, beats of both."""

    cycles: int
    reads: int
    writes: int
    beats: int


def write_hdl(accelerator: Path, hdl: Path) -> None:
    """Write a board's HDL to the new folder `hdl`: files of `accelerator`, the DMA engines, the board around them."""
    shutil.copytree(accelerator, hdl)
    engines = [io_dma.FOLDER / f"{name}.sv" for name in (*io_dma.PARTS, io_dma.READ, io_dma.WRITE)]
    for source in (*engines, BOARD):
        shutil.copyfile(source, hdl / source.name)
    names = [*sources_of(accelerator), *(source.name for source in engines), BOARD.name]
    write_text(hdl / FILE_LIST, "\n".join(names) + "\n")


def compile_board(hdl: Path, input: StreamFormat, output: StreamFormat, memory_bits: int) -> Path:
    """The compiled board of a folder that `write_hdl` made, as a library.

    Args:
        hdl: the folder.
        input, output: the accelerator's streams.
        memory_bits: width of the memory ports.

    Raises what `compiled_top` raises.
    """
    parameters: dict[str, int] = {"MEMORY_BITS": memory_bits}
    for name, stream in (("IN", input), ("OUT", output)):
        parameters |= {f"{name}_BITS": 8 * stream.word_bytes, f"{name}_BYTES": stream.words * stream.word_bytes}
    header = f"#define MEMORY_BYTES {memory_bits // 8}\n"
    return compiled_top(hdl, BOARD.stem, _HOST, recipe_of(BOARD.stem, parameters, header))


class RtlBoard:
    """A configured board with empty memory, loaded in this process. The clock runs only inside the methods.

    library: of `compile_board`. data_folder: holds the accelerator's .dat files. Raises RadioMLError when the library
    cannot be loaded or does not find a .dat file.
    """

    def __init__(self, library: Path, data_folder: Path) -> None:
        try:
            self._library = ctypes.CDLL(str(library.resolve()))
        except OSError as error:
            raise RadioMLError(f"{library}: cannot load the simulated board: {error}") from error
        pointer, address, number = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int32
        self._library.board_problem.restype = ctypes.c_char_p
        self._library.board_open.restype = pointer
        self._library.board_open.argtypes = [ctypes.c_char_p]
        self._library.board_map.argtypes = [pointer, address, pointer, address]
        self._library.board_pause.argtypes = [pointer, number, ctypes.c_uint32]
        self._library.board_fail.argtypes = [pointer, address, address, number]
        self._library.board_run.argtypes = [pointer, ctypes.c_int64]
        self._library.board_write.argtypes = [pointer, number, ctypes.c_uint32, ctypes.c_uint32]
        self._library.board_read.argtypes = [pointer, number, ctypes.c_uint32]
        self._library.board_read.restype = ctypes.c_uint32
        self._library.board_state.argtypes = [pointer, pointer]
        for name in ("board_close", "board_unmap_all"):
            getattr(self._library, name).argtypes = [pointer]
        self._blocks: dict[int, np.ndarray] = {}
        self._board = self._library.board_open(str(data_folder.resolve()).encode())
        self._check()

    def close(self) -> None:
        """Free the board; harmless when done twice."""
        if self._board:
            self._library.board_close(self._board)
            self._board = None

    def map(self, blocks: Mapping[int, np.ndarray]) -> None:
        """Let the bus reach these blocks of uint8 (size,), by address, and nothing else."""
        self._library.board_unmap_all(self._board)
        self._blocks = dict(blocks)  # kept alive
        for address, block in blocks.items():
            self._library.board_map(self._board, address, block.ctypes.data, len(block))

    def pause(self, pauses: int, seed: int) -> None:
        """Let each channel of the bus pause in `pauses` of 4 cycles.

        seed: of the random numbers; modulo 3 also what a write waits for: nothing, its data, or its address.
        """
        self._library.board_pause(self._board, pauses, seed)

    def fail(self, addresses: range, response: int) -> None:
        """Let each access to these addresses be answered by `SLVERR` or `DECERR`."""
        self._library.board_fail(self._board, addresses.start, addresses.stop - 1, response)

    def run(self, cycles: int) -> None:
        """Let the clock run; raises RadioMLError when a rule of AXI4 is broken or the design complains."""
        self._library.board_run(self._board, cycles)
        self._check()

    def write(self, engine: int, offset: int, value: int) -> None:
        """Write a register of a DMA engine; raises as `run` does."""
        self._library.board_write(self._board, engine, offset, value)
        self._check()

    def read(self, engine: int, offset: int) -> int:
        """Read a register of a DMA engine; raises as `run` does."""
        value = int(self._library.board_read(self._board, engine, offset))
        self._check()
        return value

    def traffic(self) -> Traffic:
        """The traffic so far."""
        state = np.zeros(4, np.int64)
        self._library.board_state(self._board, state.ctypes.data)
        return Traffic(*state.tolist())

    def _check(self) -> None:
        if problem := self._library.board_problem().decode():
            raise RadioMLError(f"the simulated board: {problem}")
