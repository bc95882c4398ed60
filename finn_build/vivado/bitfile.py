"""The bitfile: FINN's own Vivado and Vitis steps on the design that was simulated, and the verdict on their reports.

FINN generates the HDL again for these steps, under other names. Vivado must get the hardware that was simulated. So the
steps run on the graph with its sized FIFOs and read the patched copy of FINN's library. Afterwards every source and
data file that the steps gave to Vivado is compared with rtl/ (`finn_build.vivado.same_hardware`).

No Vivado was at hand when this file was written. Everything around Vivado has run, with stand-ins for the vendor's
commands (tests/finn_build/vivado/vendor_tools.py): FINN's steps, their Tcl, the comparison, reports, package. Nobody
has yet seen Vivado take the Tcl, or a design meet timing.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from finn_build.boards import Board
from finn_build.engine.graphs import load_graph
from finn_build.engine.paths import NETWORK, WITH_FIFOS
from finn_build.engine.step import Step
from finn_build.engine.step_runner import StepRunner
from finn_build.rtl.library_patches import PATCHES, patch_copy
from finn_build.vivado.implementation import collect_vitis, collect_zynq
from finn_build.vivado.same_hardware import check_same_hardware
from finn_build.vivado.synthesis import synthesise
from finn_build.vivado.unit_graph import write_unit_graph
from radioml.contract.package import open_package, write_package
from radioml.doctor.need import require
from radioml.doctor.vivado import bitfile_needs
from radioml.errors import RadioMLError
from radioml.run_directory import GOLDEN, IMPLEMENTATION, MODEL, PACKAGE

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

_PATCH = Step("patch_library", "patch FINN's RTL library", in_finn=True)
_SYNTHESISE = Step("finn_bitfile", "FINN: bitfile")
_COMPARE = Step("same_hardware", "compare with the simulated RTL", in_finn=True)
_REPORTS = Step("reports", "read the reports")
_PACKAGE = Step("package", "package")
NOT_SHELLED = {
    "ZCU111": "its script for Vivado has no processor system for this board",
    "U200": "its Vitis step has no memory port for this card",
}
"""Boards of FINN 1.6.1's part map for which its bitfile steps cannot build, and why."""


def check_bitfile(board: Board, hls_dma: bool = False) -> None:
    """Raise RadioMLError when no bitfile can be built: FINN does not know the board, or tools are missing."""
    name = board.finn.board
    reason = "it is not in its part map" if name is None else NOT_SHELLED.get(name)
    if reason:
        raise RadioMLError(
            f"{board.name}: FINN 1.6.1 cannot build a bitfile for it: {reason}; `--until rtl` works, and rtl/ can be "
            "integrated by hand"
        )
    require(f"--until bitfile for {board.name}", bitfile_needs(board.shell, hls_dma=hls_dma))


def toolchain() -> dict[str, str]:
    """The folders of the vendor's tools and of FINN's dependencies, on which a bitfile depends."""
    return {name: os.environ[name] for name in ("XILINX_VIVADO", "FINN_DEPS")}


def sized_graph(folder: Path, unit_samples: int | None, log: Path) -> Path:
    """FINN's graph of a build folder, as simulated.

    unit_samples: samples that a statistics unit takes a cycle; None for a network of layers. A unit's graph is written
    first.
    log: gets what FINN prints.
    """
    path = folder / WITH_FIFOS
    if unit_samples is not None:
        write_unit_graph(folder / NETWORK, unit_samples, path, log)
    return path


def build_bitfile(
    runner: StepRunner, sized: Path, board: Board, rtl: Path, package: Path, folder: Path, hls_dma: bool = False
) -> None:
    """Fill the new `folder` with the bitfile, reports/, implementation.json and package.zip.

    Args:
        runner: works in a folder of its own, which grows to some gigabytes.
        sized: FINN's graph with sized FIFOs, as simulated.
        board: what the bitfile is for.
        rtl: folder of the simulated HDL.
        package: simulation package, whose figures and golden frames the bitfile's package takes over.
        folder: gets the results.
        hls_dma: whether a Zynq gets FINN's DMA engines, which need Vitis HLS, instead of ours. An Alveo gets FINN's.

    Raises RadioMLError for a tool that fails and for timing that fails; the folder then has the reports and no bitfile.
    Raises MismatchError when Vivado was given other hardware than was simulated.
    """
    runner.work.mkdir()
    output, library = runner.work / "finn", runner.work / "rtllib"
    runner.run(_PATCH, lambda: _patched_library(library))
    rtl_dma = board.shell == "zynq" and not hls_dma
    graph = runner.run(_SYNTHESISE, lambda: synthesise(sized, board, library, output, runner.log, rtl_dma))
    model = load_graph(graph)
    runner.run(_COMPARE, lambda: _compare(model, library, rtl))
    files = runner.run(_REPORTS, lambda: _collect(model, board, output, folder))
    runner.run(_PACKAGE, lambda: _package(package, folder, files, runner.work / "package"))


def _collect(model: ModelWrapper, board: Board, output: Path, folder: Path) -> list[str]:
    """Copy what the tools made into `folder`; returns the names of the files."""
    if board.shell == "zynq":
        return collect_zynq(Path(model.get_metadata_prop("vivado_pynq_proj")), board, output, folder)
    (xclbin,) = json.loads(model.get_metadata_prop("bitfile")).values()
    return collect_vitis(Path(xclbin).parent, board, output, folder)


def _patched_library(library: Path) -> None:
    from finn.util.settings import get_settings

    shutil.copytree(get_settings().finn_rtllib, library)
    for name in {patch.file for patch in PATCHES}:
        for path in library.rglob(name):
            patch_copy(path)


def _partition(model: ModelWrapper) -> tuple[str, ModelWrapper]:
    """Name and graph of the dataflow partition: the one that is not a DMA engine."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.custom_op.registry import getCustomOp

    nodes = model.get_nodes_by_op_type("StreamingDataflowPartition")
    kernels = [(node.name, ModelWrapper(getCustomOp(node).get_nodeattr("model"))) for node in nodes]
    (found,) = [(name, kernel) for name, kernel in kernels if not kernel.get_nodes_by_op_type("IODMA_hls")]
    return found


def _compare(model: ModelWrapper, library: Path, rtl: Path) -> None:
    name, kernel = _partition(model)
    check_same_hardware(Path(kernel.get_metadata_prop("vivado_stitch_proj")), name, library, rtl)


def _package(simulated: Path, folder: Path, files: list[str], work: Path) -> None:
    """package.zip: the accelerator, its implementation.json, and the network and golden frames of the simulation."""
    work.mkdir()
    package = open_package(simulated, work)
    manifest = replace(package.manifest, kind="bitfile")
    for name in (*files, IMPLEMENTATION):
        shutil.copyfile(folder / name, work / name)
    write_package(folder / PACKAGE, manifest, work, [*files, IMPLEMENTATION, GOLDEN, MODEL])
