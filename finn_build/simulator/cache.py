"""Simulators and FIFO depths kept by content: a design that was compiled or gauged once is not again.

They lie in `simulators/` of the folder that the environment variable RADIOML_CACHE names, where all builds find them,
or else of the build's own folder. A simulator reads weights and thresholds when it starts, so two networks of one
structure share it.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from finn_build.rtl.design import FILE_LIST, Design
from finn_build.simulator import multiplier_loops
from finn_build.simulator.verilator import HARNESS, compile_simulator, recipe
from radioml.files import chosen_cache, replacing, sha256, write_json
from radioml.reading.text import read_json


class SimulatorCache:
    """Finished results by the SHA-256 of all that they depend on.

    own: the build's folder of generated files, used when RADIOML_CACHE names no folder.
    """

    def __init__(self, own: Path) -> None:
        self.folder = (chosen_cache() or own) / "simulators"

    def simulator(self, hdl: Path, design: Design, work: Path, library: Path, log: Path) -> None:
        """Put the simulator of the folder `hdl` at `library`, compiling it (`compile_simulator`) if it is not kept."""
        kept = self.folder / f"{simulator_key(hdl, design, gauge=False)}.so"
        if not kept.is_file():
            compile_simulator(hdl, design, work, library, log)
            with replacing(kept) as temporary:
                shutil.copyfile(library, temporary)
            return
        with replacing(library) as temporary:
            shutil.copyfile(kept, temporary)

    def depths(self, key: str, gauge: Callable[[], dict[str, int]]) -> dict[str, int]:
        """The FIFO depths kept under `key`, or what `gauge` finds, which is kept then."""
        kept = self.folder / f"{key}.json"
        if kept.is_file():
            return read_json(kept)
        depths = gauge()
        write_json(kept, depths)
        return depths


def simulator_key(hdl: Path, design: Design, gauge: bool, *others: Any) -> str:
    """SHA-256 over the HDL, the harness, flags, versions of the tools, the kind of machine, and `others`."""
    sources = (hdl / FILE_LIST).read_text(encoding="utf-8").split()
    content = [sha256(hdl / name) for name in sources]
    ours = [sha256(file) for file in (HARNESS, Path(multiplier_loops.__file__))]
    tools = (version("verilator"), _compiler_version(), platform.machine())
    return hashlib.sha256(repr((content, ours, recipe(design, gauge), tools, others)).encode()).hexdigest()


def _compiler_version() -> str:
    return subprocess.run(["g++", "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
