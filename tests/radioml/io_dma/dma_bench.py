"""A bench for the DMA engines alone: several boards in one Verilated design, whose accelerators give what they get."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deploy.simulated.rtl_board import BOARD, INPUT, OUTPUT, RtlBoard
from deploy.simulated.rtl_board import __file__ as simulated
from radioml import io_dma
from radioml.simulation.compiled import compiled_top
from radioml.simulation.verilator import recipe_of

MEMORY_BYTES = 8
SOURCE, SINK = 0x4000_0000, 0x7_0000_0000
"""Where the two buffers lie, the second beyond 32 bits."""
GARBAGE = 0xA5
_LOOP = """
module accelerator(
  input ap_clk, input ap_rst_n, input [{top}:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready,
  output [{top}:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready);
  assign m_axis_tdata = s_axis_tdata, m_axis_tvalid = s_axis_tvalid, s_axis_tready = m_axis_tready;
endmodule
"""


@dataclass(frozen=True)
class Unit:
    """The accelerator's stream: bytes a word, and words a frame."""

    word_bytes: int
    words: int

    @property
    def frame_bytes(self) -> int:
        return self.word_bytes * self.words


@dataclass(frozen=True)
class Fault:
    """A text of a module, and the text that replaces it."""

    module: str
    old: str
    new: str


class Bench:
    """Boards of these units, then faulty ones of the first unit, by name."""

    def __init__(self, folder: Path, units: Sequence[Unit], faults: Mapping[str, Fault]) -> None:
        self.units = [*units, *[units[0]] * len(faults)]
        self._names = [*map(str, units), *faults]
        planted = [None] * len(units) + list(faults.values())
        boards = [
            _board(number, unit, fault) for number, (unit, fault) in enumerate(zip(self.units, planted, strict=True))
        ]
        engines = [_text(name) for name in (*io_dma.PARTS, io_dma.READ, io_dma.WRITE)]
        (folder / "boards.sv").write_text("".join(engines + boards) + _top(self.units))
        (folder / "files.f").write_text("boards.sv\n")
        how = recipe_of(BOARD.stem, {}, f"#define MEMORY_BYTES {MEMORY_BYTES}\n")
        self._library = compiled_top(folder, BOARD.stem, Path(simulated).with_name("board.cpp"), how)
        self._folder = folder

    def board(self, name: Unit | str) -> BoardOfUnit:
        number = self._names.index(str(name))
        return BoardOfUnit(RtlBoard(self._library, self._folder), number, self.units[number])


@dataclass
class BoardOfUnit:
    """One of the boards, after its reset."""

    board: RtlBoard
    number: int
    unit: Unit

    def read(self, engine: int, offset: int) -> int:
        return self.board.read(2 * self.number + engine, offset)

    def start(self, engine: int, address: int, frames: int) -> None:
        """As finn-plus-driver does."""
        registers = {
            io_dma.ADDRESS_LOW: address & 0xFFFF_FFFF,
            io_dma.ADDRESS_HIGH: address >> 32,
            io_dma.REPETITIONS: frames,
            io_dma.CONTROL: io_dma.START,
        }
        for offset, value in registers.items():
            self.board.write(2 * self.number + engine, offset, value)

    def finish(self, engine: int, cycles: int) -> bool:
        """Whether the engine says that it is done within so many cycles."""
        end = self.board.traffic().cycles + cycles
        while not self.read(engine, io_dma.CONTROL) & io_dma.DONE:
            if self.board.traffic().cycles > end:
                return False
            self.board.run(10)
        return True

    def transfers(self, seed: int, count: int) -> str:
        """Transfers of random lengths, places and pauses from memory to memory; what is wrong with them, or ""."""
        random = np.random.default_rng(seed)
        for number in range(count):
            frames = int(random.integers(0, 3 + 6000 // self.unit.frame_bytes))
            size = frames * self.unit.frame_bytes
            first, second = (MEMORY_BYTES * int(random.integers(0, 4096 // MEMORY_BYTES)) for _ in range(2))
            source = random.integers(0, 256, first + size + MEMORY_BYTES, dtype=np.uint8)
            sink = np.full(second + size + MEMORY_BYTES, GARBAGE, np.uint8)
            self.board.map({SOURCE: source, SINK: sink})
            self.board.pause(number % 4, seed + number)
            self.start(OUTPUT, SINK + second, frames)
            self.start(INPUT, SOURCE + first, frames)
            if not self.finish(OUTPUT, 20_000 + 20 * size):
                return "the output DMA hangs"
            if not np.array_equal(sink[second : second + size], source[first : first + size]):
                return "other bytes"
            if np.any(sink[:second] != GARBAGE) or np.any(sink[second + size :] != GARBAGE):
                return "bytes beside the buffer were written"
            if not self.read(INPUT, io_dma.CONTROL) & io_dma.DONE:
                return "the input DMA is not done"
        return ""


def _board(number: int, unit: Unit, fault: Fault | None) -> str:
    """Text of a board whose own modules, and the faulty one and those around it, have the number behind their names."""
    own = {BOARD.stem: BOARD.read_text(), "accelerator": _LOOP.format(top=8 * unit.word_bytes - 1)}
    if fault:
        around = (io_dma.READ, io_dma.WRITE) if fault.module in io_dma.PARTS else ()
        own |= {name: _text(name) for name in (fault.module, *around)}
        assert own[fault.module].count(fault.old) == 1, fault
        own[fault.module] = own[fault.module].replace(fault.old, fault.new)
    return re.sub(rf"\b({'|'.join(own)})\b", rf"\1_{number}", "".join(own.values()))


def _text(module: str) -> str:
    return (io_dma.FOLDER / f"{module}.sv").read_text()


def _top(units: Sequence[Unit]) -> str:
    """The module `board` around the boards of all units; the upper bits of `engine` choose one of them."""
    header = re.search(r"\)\(\n(.*?)\n\);", BOARD.read_text(), re.S)[1].replace("MEMORY_BITS", str(8 * MEMORY_BYTES))
    ports = re.findall(r"^\t(input|output)\tlogic (\[.*?\])?\s*(\w+)", header, re.M)
    wires = "".join(f"  wire {width} {name}_s [{len(units)}];\n" for kind, width, name in ports if kind == "output")
    wires += "".join(f"  assign {name} = {name}_s[engine[7:1]];\n" for kind, _, name in ports if kind == "output")
    instances = ""
    for number, unit in enumerate(units):
        chosen = f"(engine[7:1] == {number})"
        pins = {name: f"{name}_s[{number}]" for kind, _, name in ports if kind == "output"}
        pins |= {name: name if width else f"{name} && {chosen}" for kind, width, name in ports if kind == "input"}
        pins |= {"clk": "clk", "rst_n": "rst_n", "engine": "engine[0]"}
        bits, size = 8 * unit.word_bytes, unit.frame_bytes
        given = {
            "MEMORY_BITS": 8 * MEMORY_BYTES,
            "IN_BITS": bits,
            "OUT_BITS": bits,
            "IN_BYTES": size,
            "OUT_BYTES": size,
        }
        instances += f"  board_{number} #({_named(given)}) board{number} ({_named(pins)});\n"
    header = header.replace("logic  engine", "logic [7:0]  engine")
    return f"module board (\n{header}\n);\n{wires}{instances}endmodule\n"


def _named(values: Mapping[str, object]) -> str:
    return ", ".join(f".{name}({value})" for name, value in values.items())
