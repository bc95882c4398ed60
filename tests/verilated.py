"""Compiling HDL and a C++ main to a program, for tests of bare modules."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from radioml.simulation.verilator import MAKE_VARIABLES

_ONE_FILE = ("VM_PARALLEL_BUILDS=0", "OPT_SLOW=-O0", "OPT_GLOBAL=-O0", *MAKE_VARIABLES)
"""One C++ file and an unoptimised runtime: a bench runs for seconds, and separate files need precompiled headers."""


def compile_bench(
    folder: Path, top: str, sources: Sequence[Path | str], defines: str = "", *options: str, fast: str = "-O0"
) -> Path:
    """The program `folder`/bench of sources in `folder` or with a path of their own.

    Args:
        top: name of the top module.
        defines: options of the C++ compiler.
        options: options of Verilator beside those of all benches.
        fast: how g++ optimises the module.
    """
    command = [
        Path(sys.executable).with_name("verilator-cli"), "--cc", "--exe", "--build", "--no-timing", "-O3",
        "-Wno-fatal", "-Wno-lint", "-Wno-STMTDLY", "-Wno-BLKSEQ", *options, "--Mdir", "objects", "-o", "../bench",
        "--top-module", top, *(("-CFLAGS", defines) if defines else ()), "-MAKEFLAGS",
        " ".join((f"OPT_FAST={fast}", *_ONE_FILE)), *sources,
    ]  # fmt: skip
    environment = {**os.environ, "CCACHE_DISABLE": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "bench"
