"""The bitfile: FINN's own Vivado and Vitis steps on the design that was simulated, and the verdict on their reports.

FINN generates the HDL again for these steps, under other names. Vivado must get the hardware that was simulated. So the
steps run on the graph with its sized FIFOs and read the patched copy of FINN's library. Afterwards every source and
data file that they gave to Vivado is compared with rtl/ (`finn_build.vivado.same_hardware`).

No Vivado was at hand when this file was written. Everything around Vivado has run, with stand-ins for the vendor's
commands (tests/finn_build/vivado/vendor_tools.py): FINN's steps, their Tcl, the comparison, reports, package. Nobody
has yet seen Vivado take the Tcl, or a design meet timing.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from finn_build.boards import Board
from finn_build.engine.step import Step
from finn_build.engine.step_runner import StepRunner
from finn_build.rtl.library_patches import PATCHES, patch_copy
from finn_build.vivado.implementation import collect_vitis, collect_zynq
from finn_build.vivado.same_hardware import check_same_hardware
from radioml.contract.package import open_package, write_package
from radioml.doctor import bitfile_needs, require
from radioml.errors import RadioMLError
from radioml.run_directory import GOLDEN, IMPLEMENTATION, MODEL, PACKAGE

if TYPE_CHECKING:
    from finn.builder.build_dataflow_config import DataflowBuildConfig
    from qonnx.core.modelwrapper import ModelWrapper

_PATCH = Step("patch_library", "patch FINN's RTL library", in_finn=True)
_SYNTHESISE = Step("finn_bitfile", "FINN: bitfile", in_finn=True)
_COMPARE = Step("same_hardware", "compare with the simulated RTL", in_finn=True)
_REPORTS = Step("reports", "read the reports")
_PACKAGE = Step("package", "package")
NOT_SHELLED = {
    "ZCU111": "its script for Vivado has no processor system for this board",
    "U200": "its Vitis step has no memory port for this card",
}
"""Boards of FINN 1.6.1's part map for which its bitfile steps cannot build, and why."""


def check_bitfile(board: Board) -> None:
    """Raise RadioMLError when no bitfile can be built: FINN does not know the board, or tools are missing."""
    name = board.finn.board
    reason = "it is not in its part map" if name is None else NOT_SHELLED.get(name)
    if reason:
        raise RadioMLError(
            f"{board.name}: FINN 1.6.1 cannot build a bitfile for it: {reason}; `--until rtl` works, and rtl/ can be "
            "integrated by hand"
        )
    require(f"--until bitfile for {board.name}", bitfile_needs(board.shell))


def toolchain() -> dict[str, str]:
    """The folders of the vendor's tools and of FINN's dependencies, on which a bitfile depends."""
    return {name: os.environ[name] for name in ("XILINX_VIVADO", "FINN_DEPS")}


def build_bitfile(runner: StepRunner, sized: Path, board: Board, rtl: Path, package: Path, folder: Path) -> None:
    """Fill the new `folder` with the bitfile, reports/, implementation.json and package.zip.

    Args:
        runner: works in a folder of its own, which grows to some gigabytes.
        sized: FINN's graph with sized FIFOs, as simulated.
        board: what the bitfile is for.
        rtl: folder of the simulated HDL.
        package: simulation package, whose figures and golden frames the bitfile's package takes over.
        folder: gets the results.

    Raises RadioMLError for a tool that fails and for timing that fails; then the folder has the reports, and no
    bitfile. Raises MismatchError when Vivado was given other hardware than was simulated.
    """
    runner.work.mkdir()
    output, library = runner.work / "finn", runner.work / "rtllib"
    dependencies = os.environ["FINN_DEPS"]
    runner.run(_PATCH, lambda: _patched_library(library))

    def synthesise() -> ModelWrapper:
        with _tools(library, dependencies):
            return _synthesise(sized, board, output, runner.work)

    model = runner.run(_SYNTHESISE, synthesise)
    runner.run(_COMPARE, lambda: _compare(model, library, rtl))
    files = runner.run(_REPORTS, lambda: _collect(model, board, output, folder))
    runner.run(_PACKAGE, lambda: _package(package, folder, files, runner.work / "package"))


def _collect(model: ModelWrapper, board: Board, output: Path, folder: Path) -> list[str]:
    """Take what the tools made over into `folder`; the names of the files."""
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


@contextmanager
def _tools(library: Path, dependencies: str) -> Iterator[None]:
    """Have FINN, its worker processes and its Tcl read this RTL library and these dependencies.

    All three look in FINN's settings, which outlive a session, and in the environment.
    """
    from finn.util.settings import get_settings

    settings = get_settings()
    rtllib, deps = settings.finn_rtllib, settings.finn_deps
    variables = {
        "FINN_RTLLIB": str(library),
        "FINN_CUSTOM_HLS": settings.finn_custom_hls,
        "XILINX_LOCAL_USER_DATA": "no",  # Vivado keeps its Tcl store out of the home folder
    }
    before = {name: os.environ.get(name) for name in variables}
    settings.finn_rtllib, settings.finn_deps = str(library), dependencies
    os.environ |= variables
    try:
        yield
    finally:
        settings.finn_rtllib, settings.finn_deps = rtllib, deps
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _synthesise(sized: Path, board: Board, output: Path, work: Path) -> ModelWrapper:
    from finn.builder import build_dataflow_steps as finn
    from finn.util.exception import FINNError
    from qonnx.core.modelwrapper import ModelWrapper

    config = _configuration(board, output)
    try:
        model = finn.step_prepare_synthesis(ModelWrapper(str(sized)), config)
        return finn.step_synthesize_bitfile(model, config)
    except (FINNError, OSError, AssertionError) as error:
        raise RadioMLError(f"FINN's bitfile step failed: {error}{_first_error(work)}") from error


def _configuration(board: Board, output: Path) -> DataflowBuildConfig:
    """All of FINN's settings that reach the bitfile, so that the defaults of another FINN do not change the bitfile."""
    from finn.builder import build_dataflow_config as finn

    shells = {"zynq": finn.ShellFlowType.VIVADO_ZYNQ, "vitis": finn.ShellFlowType.VITIS_ALVEO}
    return finn.DataflowBuildConfig(
        output_dir=str(output),
        board=board.finn.board,
        fpga_part=board.part,
        shell_flow_type=shells[board.shell],
        synth_clk_period_ns=finn_period_ns(board.clock_mhz),
        generate_outputs=[finn.DataflowOutputType.BITFILE],
        standalone_thresholds=True,
        auto_fifo_depths=False,
        enable_hw_debug=False,
        enable_instrumentation=False,
        instrumentation_no_dma=False,
        vitis_opt_strategy=finn.VitisOptStrategy.PERFORMANCE_BEST,
        fpga_memory=finn.FpgaMemoryType.DEFAULT,
        vitis_iodma_intf_max_width=board.memory_port_bits,
        save_intermediate_models=False,
    )


def finn_period_ns(clock_mhz: float) -> float:
    """The clock period in ns from which FINN, which rounds down to whole MHz, computes `clock_mhz` again."""
    period = 1e3 / clock_mhz
    while int(1 / (period * 0.001)) < int(clock_mhz):
        period = math.nextafter(period, 0)
    return period


def _first_error(work: Path) -> str:
    """The first ERROR line in the newest log of the vendor's tools that has one, and the place of the log."""
    logs = [path for pattern in ("vivado.log", "vitis_hls.log", "v++_*.log") for path in work.rglob(pattern)]
    for log in sorted(logs, key=lambda path: path.stat().st_mtime, reverse=True):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("ERROR"):
                return f"\n  {line.strip()}\n  (whole log: {log})"
    return f"\n  (logs: {work})"


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
