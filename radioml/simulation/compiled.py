"""Compiled simulators by content: HDL that was compiled once on this machine is not compiled again.

The cache is the folder `simulators` in the folder that the environment variable RADIOML_CACHE names, or else in
~/.cache/radioml (XDG_CACHE_HOME is respected). A simulator reads weights and thresholds when it starts, so two networks
of one structure share it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from radioml.cache import Cache, content_key
from radioml.contract.package import RTL_FOLDER, Package
from radioml.errors import RadioMLError
from radioml.files import CACHE_VARIABLE, chosen_cache, home_cache, sha256
from radioml.simulation import multiplier_loops
from radioml.simulation.design import FILE_LIST, read_design
from radioml.simulation.hardware_only import check_hardware_only
from radioml.simulation.verilator import HARNESS, Recipe, compile_simulator, compile_top, recipe, sources_of, tools


def simulator_cache() -> Cache:
    """The cache of simulators and FIFO depths; raises RadioMLError where its folder cannot be made."""
    folder = (chosen_cache() or home_cache()) / "simulators"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RadioMLError(
            f"{folder}: the folder of compiled simulators cannot be made: {error.strerror}; name another one in the "
            f"environment variable {CACHE_VARIABLE}"
        ) from error
    return Cache(folder, folder)


def simulator_of(hdl: Path, optimise: bool = True) -> Path:
    """The shared library that simulates a folder of HDL, for `RtlSimulator`.

    It is compiled unless the cache has it whole: a file that is short or altered is compiled anew. optimise: see
    `compile_simulator`, whose exceptions are raised.
    """
    cache, key = simulator_cache(), simulator_key(hdl, gauge=False, optimise=optimise)
    library = cache.folder / f"{key}.so"
    if cache.find(key, key) is None:
        compile_simulator(hdl, library, cache, optimise=optimise)
        cache.store(key, key, [library.name])
    return library


def compiled_top(hdl: Path, top: str, harness: Path, how: Recipe) -> Path:
    """The library with the module `top` of a folder of HDL, and the C++ and headers around it; see `simulator_of`."""
    cache = simulator_cache()
    host = (harness, *sorted(harness.parent.glob("*.h")))
    content = [sha256(path) for path in (*(hdl / name for name in sources_of(hdl)), *host)]
    key = content_key(top, content, how, tools())
    library = cache.folder / f"{key}.so"
    if cache.find(key, key) is None:
        compile_top(hdl, top, harness, how, library, cache)
        cache.store(key, key, [library.name])
    return library


def is_compiled(hdl: Path) -> bool:
    """Whether the cache has the simulator of a folder of HDL, whole."""
    key = simulator_key(hdl, gauge=False)
    return simulator_cache().find(key, key) is not None


def packaged_simulator(package: Package) -> tuple[Path, Path]:
    """The library that simulates a package's RTL, and the folder of its data files; raises what `simulator_of` does.

    Raises RadioMLError, too, as `packaged_hdl` does.
    """
    hdl = packaged_hdl(package)
    return simulator_of(hdl), hdl


def packaged_hdl(package: Package) -> Path:
    """The folder of a package's RTL.

    Raises RadioMLError for a package of another kind. Others may have written the package, so sources that do more than
    describe hardware raise it, too.
    """
    hdl = package.folder / RTL_FOLDER
    if package.manifest.kind != "simulation" or not (hdl / FILE_LIST).is_file():
        raise RadioMLError(
            f"the package is of kind {package.manifest.kind!r}: a simulation needs one of `radioml build --until rtl`, "
            f"with {RTL_FOLDER}/{FILE_LIST} in it"
        )
    check_hardware_only(hdl, sources_of(hdl))
    return hdl


def simulator_key(hdl: Path, gauge: bool, *others: Any, optimise: bool = True) -> str:
    """Key of the HDL, the harness, flags, versions of the tools, the kind of machine, and `others`."""
    content = [sha256(hdl / name) for name in sources_of(hdl)]
    ours = [sha256(file) for file in (HARNESS, Path(multiplier_loops.__file__))]
    return content_key(content, ours, recipe(read_design(hdl), gauge, optimise), tools(), others)
