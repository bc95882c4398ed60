"""The DMA engines between a memory that pauses and fails and a stream, and faults that are planted in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deploy.simulated.rtl_board import DECERR, INPUT, OUTPUT, SLVERR
from radioml import io_dma
from radioml.errors import RadioMLError
from tests.radioml.io_dma.dma_bench import GARBAGE, MEMORY_BYTES, SINK, SOURCE, Bench, BoardOfUnit, Fault, Unit

pytestmark = pytest.mark.rtl

NARROW, EVEN, ODD, WIDE = Unit(3, 25), Unit(8, 100), Unit(5, 7), Unit(32, 9)
FAULTS = {
    "a burst has a beat too many": Fault("io_dma_read", "8'(beats - 1)", "8'(beats)"),
    "the next burst begins a beat early": Fault("io_dma_bursts", "At + (64'(beats)", "At + (64'(beats - 1)"),
    "bursts leave their page": Fault("io_dma_bursts", "page < BEATS? 9'(page) : 9'(BEATS)", "9'(BEATS)"),
    "a last beat that is not full is not asked for": Fault("io_dma_bursts", " + (BYTES - 1)) >> SHIFT", ") >> SHIFT"),
    "a last beat that is not full is not written": Fault("io_dma_write", ".flush(Left == 0)", ".flush(1'b0)"),
    "the last beat is written as a whole": Fault("io_dma_write", "!(Last && m_axi_gmem_WLAST) ||", "1'b1 ||"),
    "more is asked for than the queue can hold": Fault("io_dma_read", "burst && Room >= beats", "burst"),
    "done before the memory has answered": Fault("io_dma_write", "&& !Asks && Answers == 0", "&& !Asks"),
    "an address is withdrawn": Fault("io_dma_write", "begins || (Asks && !m_axi_gmem_AWREADY)", "begins"),
    "data wait for the address to be taken": Fault(
        "io_dma_write", "m_axi_gmem_WVALID = Beats != 0", "m_axi_gmem_WVALID = Beats != 0 && !Asks"
    ),
    "WLAST comes a beat early": Fault("io_dma_write", "m_axi_gmem_WLAST = Beats == 1", "m_axi_gmem_WLAST = Beats == 2"),
    "the upper half of the address is ignored": Fault(
        "io_dma_registers", "Address[32 + 8*i +: 8] <=", "Address[8*i +: 8] <="
    ),
    "a word is lost where the stream waits": Fault("io_dma_words", "Count <= B;", "Count <= B + 1;"),
    "done when all has been asked for": Fault("io_dma_read", "Running && Left == 0", "Running && !burst"),
    "errors are not noted": Fault("io_dma_registers", "response == 2'b10", "1'b0"),
}
UNSEEN = {"done when all has been asked for", "errors are not noted"}
"""Faults that leave the bytes as they are; tests of their own look for them."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("dma"), [NARROW, EVEN, ODD, WIDE], FAULTS)


@pytest.mark.parametrize("unit", [NARROW, EVEN, ODD, WIDE], ids=str)
def test_random_transfers(bench, unit):
    assert bench.board(unit).transfers(seed=1, count=24) == ""


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in UNSEEN])
def test_a_fault_is_caught(bench, name):
    try:
        found = bench.board(name).transfers(seed=1, count=24)
    except RadioMLError as error:
        found = str(error)
    assert found


def blocked(board: BoardOfUnit) -> bool:
    """Whether the input DMA says that it is done while no one takes its words."""
    frames = 2 + 40 * MEMORY_BYTES // board.unit.frame_bytes  # bytes that its queue can hold
    board.board.map({SOURCE: np.zeros(frames * board.unit.frame_bytes, np.uint8)})
    board.start(INPUT, SOURCE, frames)
    return board.finish(INPUT, 1000)


def test_not_done_before_the_stream_has_its_words(bench):
    assert not blocked(bench.board(NARROW))
    assert blocked(bench.board("done when all has been asked for"))


def errors(board: BoardOfUnit, bad: range, response: int) -> tuple[int, int]:
    """The registers ERRORS of both engines after a transfer of 4 frames with an error at these addresses."""
    frames = 4
    size = frames * board.unit.frame_bytes
    source, sink = np.ones(size + MEMORY_BYTES, np.uint8), np.full(size + MEMORY_BYTES, GARBAGE, np.uint8)
    board.board.map({SOURCE: source, SINK: sink})
    board.board.fail(bad, response)
    board.start(OUTPUT, SINK, frames)
    board.start(INPUT, SOURCE, frames)
    assert board.finish(OUTPUT, 10_000) and board.finish(INPUT, 100)
    return board.read(INPUT, io_dma.ERRORS), board.read(OUTPUT, io_dma.ERRORS)


def test_errors_on_the_bus_are_noted_and_forgotten(bench):
    board = bench.board(NARROW)
    size = 4 * NARROW.frame_bytes
    for at in (0, size - 1, *np.random.default_rng(1).integers(0, size, 6).tolist()):
        board.board.pause(at % 4, seed=at)
        bad = range(SOURCE + at, SOURCE + at + 1)
        assert errors(board, bad, SLVERR) == (1, 0)
        assert errors(board, range(1), SLVERR) == (0, 0)
        assert errors(board, bad, DECERR) == (2, 0)
        bad = range(SINK + at, SINK + at + 1)
        assert errors(board, bad, SLVERR) == (0, 1)
        assert errors(board, bad, DECERR) == (0, 2)
    assert errors(board, range(1), SLVERR) == (0, 0)
    board = bench.board("errors are not noted")
    assert errors(board, range(SOURCE, SOURCE + 1), SLVERR) == (0, 0)


def test_memory_that_is_not_there(bench):
    board = bench.board(NARROW)
    board.board.map({})
    board.start(OUTPUT, SINK, 1)
    board.start(INPUT, SOURCE, 1)
    assert board.finish(OUTPUT, 10_000)
    assert board.read(INPUT, io_dma.ERRORS) == board.read(OUTPUT, io_dma.ERRORS) == 2


def test_an_address_between_two_beats_is_refused(bench):
    board = bench.board(NARROW)
    for engine in (INPUT, OUTPUT):
        board.start(engine, SOURCE + 1, 3)
        assert board.finish(engine, 100)
        assert board.read(engine, io_dma.ERRORS) == 4
    assert board.board.traffic().reads == board.board.traffic().writes == 0
    assert board.transfers(seed=2, count=2) == ""


def test_registers_are_those_of_an_hls_kernel(bench):
    board = bench.board(EVEN)
    source = np.zeros(1 << 16, np.uint8)
    board.board.map({SOURCE: source, SINK: source.copy()})
    for engine in (INPUT, OUTPUT):
        assert board.read(engine, io_dma.CONTROL) == io_dma.IDLE
    board.start(OUTPUT, SINK, 5)
    assert board.read(OUTPUT, io_dma.CONTROL) == io_dma.START
    board.start(INPUT, SOURCE, 5)
    board.board.run(2000)
    for engine, address in ((INPUT, SOURCE), (OUTPUT, SINK)):
        assert board.read(engine, io_dma.CONTROL) == io_dma.DONE | io_dma.IDLE | io_dma.READY
        assert board.read(engine, io_dma.CONTROL) == io_dma.IDLE
        assert board.read(engine, io_dma.ADDRESS_LOW) == address & 0xFFFF_FFFF
        assert board.read(engine, io_dma.ADDRESS_HIGH) == address >> 32
        assert board.read(engine, io_dma.REPETITIONS) == 5
        assert all(board.read(engine, offset) == 0 for offset in (0x04, 0x08, 0x0C, 0x18, 0x20, 0x3C))


def test_a_second_start_waits_for_no_one(bench):
    """As long as a transfer runs, starting again does nothing; address and frames are those of its start."""
    board = bench.board(EVEN)
    source, sink = np.arange(1600, dtype=np.uint8), np.zeros(1600, np.uint8)
    board.board.map({SOURCE: source, SINK: sink})
    board.start(OUTPUT, SINK, 2)
    board.start(OUTPUT, SINK + 4096, 7)
    board.start(INPUT, SOURCE, 2)
    assert board.finish(OUTPUT, 10_000)
    assert np.array_equal(sink, source)


def test_a_beat_a_cycle(bench):
    """Without pauses the bus moves a beat a cycle in each direction, but for the first words and a cycle a burst."""
    board = bench.board(EVEN)
    frames = 40
    source = np.zeros(frames * EVEN.frame_bytes, np.uint8)
    board.board.map({SOURCE: source, SINK: source.copy()})
    board.start(OUTPUT, SINK, frames)
    before = board.board.traffic()
    board.start(INPUT, SOURCE, frames)
    assert board.finish(OUTPUT, 100_000)
    after = board.board.traffic()
    beats = len(source) // MEMORY_BYTES
    assert after.beats - before.beats == 2 * beats
    assert after.reads - before.reads <= beats / 16 + 10
    assert after.cycles - before.cycles <= beats * 17 / 16 + 100


@pytest.mark.parametrize(("memory", "stream", "frame"), [(64, 16, 2048), (128, 24, 72), (32, 256, 96), (8, 8, 1)])
@pytest.mark.parametrize("engine", [io_dma.READ, io_dma.WRITE])
def test_verilator_has_no_complaint(engine, memory, stream, frame):
    """Except about narrow operands that are widened, initial values, and signals of AXI that are not used here."""
    sizes = (f"-GMEMORY_BITS={memory}", f"-GSTREAM_BITS={stream}", f"-GFRAME_BYTES={frame}")
    quiet = (f"-Wno-{name}" for name in ("WIDTHEXPAND", "PROCASSINIT", "PINCONNECTEMPTY", "UNUSEDSIGNAL"))
    files = (io_dma.FOLDER / f"{name}.sv" for name in (*io_dma.PARTS, engine))
    command = [Path(sys.executable).with_name("verilator-cli"), "--lint-only", "-Wall", *quiet, *sizes]
    done = subprocess.run([*command, "--top-module", engine, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
