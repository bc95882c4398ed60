"""Compiled simulators and FIFO depths by content: a design that was compiled or gauged once is not compiled again.

The cache is the folder `simulators` of the folder that the environment variable RADIOML_CACHE names, which all builds
share, or else of the build's own folder. A simulator reads weights and thresholds when it starts, so two networks of
one structure share it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finn_build.engine.cache import Cache, content_key
from finn_build.rtl.design import FILE_LIST, Design
from finn_build.simulator import multiplier_loops
from finn_build.simulator.verilator import HARNESS, compile_simulator, copy_file, recipe, tools
from radioml.files import chosen_cache, sha256


def simulator_cache(own: Path) -> Cache:
    """The cache; own: the build's folder of generated files, used when RADIOML_CACHE names no folder."""
    folder = (chosen_cache() or own) / "simulators"
    return Cache(folder, folder)


def cached_simulator(
    cache: Cache, hdl: Path, design: Design, work: Path, library: Path, log: Path, optimise: bool = True
) -> None:
    """Put the simulator of the folder `hdl` at `library`; compile it (`compile_simulator`) if the cache lacks it."""
    key = simulator_key(hdl, design, False, optimise=optimise)
    name = f"{key}.so"
    cached = cache.folder / name
    if cache.find(key, key) is None:
        compile_simulator(hdl, design, work, library, log, cache, optimise=optimise)
        copy_file(library, cached)
        cache.store(key, key, [name])
        return
    copy_file(cached, library)


def simulator_key(hdl: Path, design: Design, gauge: bool, *others: Any, optimise: bool = True) -> str:
    """Key of the HDL, the harness, flags, versions of the tools, the kind of machine, and `others`."""
    sources = (hdl / FILE_LIST).read_text(encoding="utf-8").split()
    content = [sha256(hdl / name) for name in sources]
    ours = [sha256(file) for file in (HARNESS, Path(multiplier_loops.__file__))]
    return content_key(content, ours, recipe(design, gauge, optimise), tools(), others)
