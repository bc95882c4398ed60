"""The netlist of each layer, synthesised in parallel processes and cached by content."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finn_build.rtl.top import join
from finn_build.synthesis.scripts import BMUX, CELLS, LUT_MEMORIES, NETLIST, PRIMITIVES, SOURCES, script
from finn_build.synthesis.sources import copy_patched, data_of, patches_for, sources_of
from finn_build.synthesis.yosys import cell_text, lut_memories, run_yosys, yosys_version
from radioml.cache import Cache, content_key
from radioml.files import chosen_cache, replacing, sha256, write_text
from radioml.processes import ProcessPool, cores
from radioml.simulation.design import Design, Layer

_TOP, _PRIMITIVES = "top.v", "primitives.v"


@dataclass(frozen=True)
class Group:
    """A layer of the estimate, with the FIFOs and width converters in front of it (and, of the last, behind it)."""

    name: str
    layers: tuple[Layer, ...]

    @property
    def module(self) -> str:
        """Name of the netlist's module."""
        return f"{self.name}_netlist"


@dataclass(frozen=True)
class Netlist:
    """A synthesised layer: its Verilog, Yosys' count of each cell, the seconds that it took."""

    verilog: Path
    cells: dict[str, int]
    seconds: float


@dataclass(frozen=True)
class _Job:
    """What one process needs to synthesise one group in a folder of its own.

    top: Verilog that joins the group's layers; sources, data: the files of the folder `hdl` that it needs.
    """

    name: str
    hdl: Path
    folder: Path
    top: str
    sources: tuple[str, ...]
    data: tuple[str, ...]
    family: str
    module: str

    @property
    def script(self) -> str:
        """What Yosys runs."""
        return script(self.module, self.family)

    @property
    def key(self) -> str:
        """Digest of all that the netlist depends on."""
        names = (*self.sources, *self.data)
        patches = [patch.replacements for patch in patches_for(self.family) if patch.file in names]
        content = [(name, sha256(self.hdl / name)) for name in names]
        return content_key(self.script, self.top, content, patches, sha256(BMUX), yosys_version())


def groups_of(design: Design, estimated: Sequence[str]) -> list[Group]:
    """The design's layers in groups, each of which ends with a layer of the estimate."""
    reader = {stream.source: stream.reader for stream in reversed(design.streams)}
    groups: dict[str, list[Layer]] = {name: [] for name in estimated}
    for layer in design.layers:
        name = layer.name
        while name not in groups and reader[name]:
            name = reader[name]
        groups[name if name in groups else estimated[-1]].append(layer)
    return [Group(name, tuple(layers)) for name, layers in groups.items()]


def synthesise(
    groups: Sequence[Group], hdl: Path, family: str, work: Path, show: Callable[[int], None]
) -> dict[str, Netlist]:
    """Name of each group -> its netlist, which lies in the cache.

    A group is synthesised once for each content: the HDL and data that it needs, the script, the version of Yosys.

    Args:
        groups: of the design, see `groups_of`.
        hdl: folder of the design's HDL.
        family: see `scripts.yosys_family`.
        work: folder for intermediate files, which are kept when Yosys fails. It holds the cache unless RADIOML_CACHE
            names a folder.
        show: called with the number of groups that are done.

    Raises RadioMLError with the log of the group where Yosys fails.
    """
    folder = (chosen_cache() or work) / "netlists"
    cache = Cache(folder, folder)
    found: dict[str, Netlist] = {}
    jobs: list[_Job] = []
    # Groups with weights take longest, so they begin first.
    for group in sorted(groups, key=lambda group: not any(layer.weight_memory for layer in group.layers)):
        job = _job(group, hdl, family, work / group.name)
        if receipt := cache.find(job.key, job.key):
            found[group.name] = Netlist(folder / f"{job.key}.v", **receipt.value)
        else:
            jobs.append(job)
    show(len(found))
    if not jobs:
        return found
    with ProcessPool(min(cores(), len(jobs))) as pool:
        try:
            futures = {pool.submit(_synthesise, job): job for job in jobs}
            for future in as_completed(futures):
                job, value = futures[future], future.result()
                file = f"{job.key}.v"
                with replacing(folder / file) as temporary:
                    shutil.copyfile(job.folder / NETLIST, temporary)
                shutil.rmtree(job.folder)
                cache.store(job.key, job.key, [file], value)
                found[job.name] = Netlist(folder / file, **value)
                show(len(found))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _job(group: Group, hdl: Path, family: str, folder: Path) -> _Job:
    top = join(group.layers, group.module)
    data = data_of([layer.name for layer in group.layers], hdl)
    return _Job(group.name, hdl, folder, top, sources_of(top, hdl), data, family, group.module)


def _synthesise(job: _Job) -> dict[str, Any]:
    """Run Yosys on one group, in the job's folder; returns the fields of `Netlist` except its Verilog."""
    start = time.perf_counter()
    shutil.rmtree(job.folder, ignore_errors=True)
    job.folder.mkdir(parents=True)
    copy_patched(job.sources, job.hdl, job.folder, patches_for(job.family))
    for path in (*(job.hdl / name for name in job.data), BMUX):
        shutil.copyfile(path, job.folder / path.name)
    primitives = "".join(cell_text(library, cell) for cell, library in PRIMITIVES.items())
    for name, text in ((_PRIMITIVES, primitives), (_TOP, job.top), (LUT_MEMORIES, lut_memories())):
        write_text(job.folder / name, text)
    write_text(job.folder / SOURCES, "\n".join([_PRIMITIVES, *job.sources, _TOP]) + "\n")
    run_yosys(job.script, job.folder)
    statistics = json.loads((job.folder / CELLS).read_text(encoding="utf-8"))
    cells = statistics["modules"][f"\\{job.module}"]["num_cells_by_type"]
    return {"cells": cells, "seconds": round(time.perf_counter() - start, 1)}
