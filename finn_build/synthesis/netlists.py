"""The netlist of each layer: synthesised in processes side by side, once for each content."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

from finn_build.boards import Board
from finn_build.engine.cache import Cache, content_key
from finn_build.rtl.design import Design, Layer
from finn_build.rtl.top import join
from finn_build.synthesis.sources import PATCHES, copy_patched, data_of, sources_of
from finn_build.synthesis.yosys import cell_text, run_yosys, yosys_version
from radioml.files import chosen_cache, replacing, sha256, write_text
from radioml.processes import ProcessPool, cores

PRIMITIVES = {"DSP48E1": "xilinx/cells_sim.v", "DSP48E2": "xilinx/cells_xtra.v", "LUT6_2": "xilinx/cells_sim.v"}
"""Cells of the vendor that FINN's library instantiates, and the library of Yosys that declares them."""
_BMUX = Path(__file__).with_name("bmux.v")
_READ = "--allow-use-before-declare --ignore-assertions -Wno-unconnected-output-port -Wno-unconnected-input-port"
_TOP, _SOURCES = "top.v", "sources.f"


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
    """What one process needs to synthesise one layer in a folder of its own."""

    group: Group
    hdl: Path
    folder: Path
    sources: list[str]
    script: str


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


def yosys_family(board: Board) -> str:
    """What synth_xilinx calls the board's FPGA family."""
    return "xc7" if board.family == "Zynq-7000" else "xcup"


def synthesise(
    groups: Sequence[Group], hdl: Path, family: str, work: Path, show: Callable[[int], None]
) -> dict[str, Netlist]:
    """Name of each group -> its netlist, which lies in the cache.

    A group is synthesised once for each content: the HDL and data that it needs, the script, the version of Yosys.

    Args:
        hdl: folder of the design's HDL. family: see `yosys_family`.
        work: folder for intermediate files, which stay where Yosys fails; also of the cache, unless RADIOML_CACHE names
            a folder.
        show: called with the number of groups that are done.

    Raises RadioMLError with the group's name where Yosys fails.
    """
    folder = (chosen_cache() or work) / "netlists"
    cache = Cache(folder, folder)
    keys, jobs, found = {}, [], {}
    for group in groups:
        job = _job(group, hdl, family, work / group.name)
        keys[group.name] = key = _key(job)
        if receipt := cache.find(key, key):
            found[group.name] = Netlist(folder / f"{key}.v", **receipt.value)
        else:
            jobs.append(job)
    show(len(found))
    if not jobs:
        return found
    jobs.sort(
        key=lambda job: any(layer.weight_memory for layer in job.group.layers), reverse=True
    )  # the long ones first
    with ProcessPool(min(cores(), len(jobs))) as pool:
        try:
            futures = {pool.submit(_synthesise, job): job.group.name for job in jobs}
            for future in as_completed(futures):
                name, (verilog, value) = futures[future], future.result()
                key = keys[name]
                with replacing(folder / f"{key}.v") as temporary:
                    shutil.copyfile(verilog, temporary)
                shutil.rmtree(work / name)
                cache.store(key, key, [f"{key}.v"], value)
                found[name] = Netlist(folder / f"{key}.v", **value)
                show(len(found))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _job(group: Group, hdl: Path, family: str, folder: Path) -> _Job:
    top = join(group.layers, group.module)
    boxes = " ".join(f"--blackboxed-module {cell}" for cell in PRIMITIVES)
    script = "\n".join([
        f"read_slang {_READ} --top {group.module} {boxes} -f {_SOURCES}",
        "setparam -unset i t:DSP48E1",  # slang takes a variable of the cell's own for a parameter
        f"techmap -map {_BMUX.name}",
        f"synth_xilinx -family {family} -noiopad -flatten -top {group.module}",
        "check -assert",
        "tee -q -o cells.json stat -json",
        "write_verilog -noattr netlist.v",
        "",
    ])  # fmt: skip
    return _Job(group, hdl, folder, sources_of(top, hdl), script)


def _key(job: _Job) -> str:
    names = [*job.sources, *data_of(_names(job.group), job.hdl)]
    patches = [patch.replacements for patch in PATCHES if patch.file in names]
    content = [(name, sha256(job.hdl / name)) for name in names]
    return content_key(
        job.script, join(job.group.layers, job.group.module), content, patches, sha256(_BMUX), yosys_version()
    )


def _synthesise(job: _Job) -> tuple[Path, dict[str, object]]:
    """Run Yosys on one group; the netlist, and `Netlist`'s other fields."""
    start = time.perf_counter()
    shutil.rmtree(job.folder, ignore_errors=True)
    job.folder.mkdir(parents=True)
    copy_patched(job.sources, job.hdl, job.folder)
    for name in data_of(_names(job.group), job.hdl):
        shutil.copyfile(job.hdl / name, job.folder / name)
    shutil.copyfile(_BMUX, job.folder / _BMUX.name)
    write_text(job.folder / _TOP, join(job.group.layers, job.group.module))
    write_text(job.folder / "primitives.v", "".join(cell_text(library, cell) for cell, library in PRIMITIVES.items()))
    write_text(job.folder / _SOURCES, "\n".join(["primitives.v", *job.sources, _TOP]) + "\n")
    run_yosys(job.script, job.folder)
    statistics = json.loads((job.folder / "cells.json").read_text(encoding="utf-8"))
    cells = statistics["modules"][f"\\{job.group.module}"]["num_cells_by_type"]
    return job.folder / "netlist.v", {"cells": cells, "seconds": round(time.perf_counter() - start, 1)}


def _names(group: Group) -> tuple[str, ...]:
    return tuple(layer.name for layer in group.layers)
