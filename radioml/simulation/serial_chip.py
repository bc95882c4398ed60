"""A Verilated chip behind a serial line: a pseudo-terminal that a driver opens like a port of the machine."""

from __future__ import annotations

import os
import subprocess
import tty
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from radioml.cache import content_key
from radioml.doctor.need import require
from radioml.doctor.tools import VERILATOR, beside_python, simulation_tools
from radioml.files import sha256
from radioml.simulation.compiled import simulator_cache
from radioml.simulation.verilator import MAKE_VARIABLES, READ_OPTIONS, copy_whole, run_tool, tools
from radioml.temporary import temporary_folder

_HARNESS = Path(__file__).with_name("serial_chip.cpp")
_OPTIONS = (
    "--cc", "--exe", "--build", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--prefix", "Vchip", "-Wno-BLKSEQ",
    "-Wno-lint", "-Wno-TIMESCALEMOD", "-Wno-SPECIFYIGN",
)  # fmt: skip


def compile_chip(top: str, sources: Sequence[Path]) -> Path:
    """The program that simulates a chip, from the cache if it was compiled before.

    top: module with the pins clk_25mhz, ftdi_txd and ftdi_rxd. sources: its HDL.
    Raises RadioMLError naming every missing tool, or with the first error line of a tool that fails.
    """
    require("the simulated chip", simulation_tools())
    variables = " ".join(["OPT_FAST=-O0 OPT_SLOW=-O0", *MAKE_VARIABLES])
    options = (*READ_OPTIONS[:-1], top, *_OPTIONS, "-MAKEFLAGS", variables)
    cache = simulator_cache()
    key = content_key("chip", [sha256(path) for path in (*sources, _HARNESS)], options, tools())
    program = cache.folder / f"{key}.chip"
    if cache.find(key, key) is None:
        with temporary_folder("chip") as work:
            log = program.with_suffix(".log")
            log.unlink(missing_ok=True)
            files = [str(path.resolve()) for path in (_HARNESS, *sources)]
            command = [str(beside_python(VERILATOR)), *options, "--Mdir", str(work), "-o", program.name, *files]
            run_tool(command, work, log)
            copy_whole(work / program.name, program)
        program.chmod(0o755)
        cache.store(key, key, [program.name])
    return program


def exchange(program: Path, data_folder: Path, bit_cycles: int, patience: int, sent: bytes) -> bytes:
    """What a chip sends when it gets these bytes; see `SerialChip`."""
    command = [str(program), str(bit_cycles), str(patience)]
    return subprocess.run(command, input=sent, stdout=subprocess.PIPE, cwd=data_folder, check=True).stdout


class SerialChip:
    """A chip that runs while the context is entered.

    Args:
        program: of `compile_chip`. data_folder: where the .dat files lie that the HDL reads.
        bit_cycles: clock cycles a bit. patience: cycles without a byte after which the chip stands still; longer than
            it needs for a frame.

    Attributes:
        port: name of the terminal, for the driver.
    """

    def __init__(self, program: Path, data_folder: Path, bit_cycles: int, patience: int) -> None:
        self._command = [str(program), str(bit_cycles), str(patience)]
        self._folder = data_folder

    def __enter__(self) -> SerialChip:
        """Open the terminal and start the chip."""
        chip_end, self._host_end = os.openpty()
        tty.setraw(self._host_end)
        self.port = os.ttyname(self._host_end)
        self._process = subprocess.Popen(self._command, stdin=chip_end, stdout=chip_end, cwd=self._folder)
        os.close(chip_end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the chip."""
        self._process.kill()
        self._process.wait()
        os.close(self._host_end)
