"""FINN's bitfile steps in a process of their own, so that Vivado ends with the build that started it.

FINN starts the vendor's tools itself, and they run for hours. `synthesise` calls FINN in another Python. When the build
is interrupted or killed, `run_attached` ends this Python together with all processes that it has started.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finn_build.boards import Board
from finn_build.engine.finn_session import finn_session
from radioml.errors import RadioMLError
from radioml.files import write_json, write_text
from radioml.processes import run_attached

if TYPE_CHECKING:
    from finn.builder.build_dataflow_config import DataflowBuildConfig

_CHILD = """
import json, sys
with open(sys.argv[1], encoding="utf-8") as stream:
    request = json.load(stream)
sys.path[:] = request["path"]
from finn_build.vivado.synthesis import serve
serve(request)
"""
"""What the other Python runs. The request carries the module path, because the Python inside Vivado would read
PYTHONPATH, too."""


def synthesise(sized: Path, board: Board, library: Path, output: Path, log: Path, rtl_dma: bool) -> Path:
    """Let FINN make a bitfile; returns the path of its graph, whose properties name all results.

    Args:
        sized: FINN's graph with sized FIFOs.
        board: what the bitfile is for.
        library: the RTL library that FINN and Vivado read.
        output: folder for FINN's results; FINN works in its parent folder.
        log: gets the output of FINN and of the tools.
        rtl_dma: whether the DMA engines are those of `finn_build.vivado.rtl_dma` instead of FINN's.

    Raises RadioMLError with the first error line of the tool that failed.
    """
    work = output.parent
    made, request, problem = work / "bitfile.onnx", work / "request.json", work / "problem.txt"
    paths = {"sized": sized, "library": library, "output": output, "log": log, "made": made, "problem": problem}
    names = {name: str(path.resolve()) for name, path in paths.items()}
    write_json(request, {**names, "board": board.model_dump(mode="json"), "rtl_dma": rtl_dma, "path": sys.path})
    with log.open("a", encoding="utf-8") as stream:
        code = run_attached([sys.executable, "-c", _CHILD, str(request)], stdout=stream, stderr=subprocess.STDOUT)
    if code:
        reason = problem.read_text(encoding="utf-8") if problem.exists() else f"exit code {code}; see {log}"
        raise RadioMLError(f"FINN's bitfile step failed: {reason}{_first_error(work)}")
    return made


def serve(request: dict[str, Any]) -> None:
    """Serve a request of `synthesise` in the other Python; where FINN refuses, write problem.txt and exit with 1."""
    board, output = Board.model_validate(request["board"]), Path(request["output"])
    dependencies = os.environ["FINN_DEPS"]
    with finn_session(output.parent, Path(request["log"])):
        from finn.builder import build_dataflow_steps as finn  # reads FINN's settings
        from finn.util.exception import FINNError
        from qonnx.core.modelwrapper import ModelWrapper

        _point_tools_to(request["library"], dependencies)
        if request["rtl_dma"]:
            from finn_build.vivado.rtl_dma import use_rtl_dma

            use_rtl_dma()
        config = _configuration(board, output)
        try:
            model = finn.step_prepare_synthesis(ModelWrapper(request["sized"]), config)
            finn.step_synthesize_bitfile(model, config).save(request["made"])
        except (FINNError, OSError, AssertionError) as error:
            write_text(request["problem"], str(error))
            sys.exit(1)


def _point_tools_to(library: str, dependencies: str) -> None:
    """Have FINN, its worker processes and its Tcl read this RTL library and these dependencies.

    FINN and its tools look in FINN's settings and in the environment.
    """
    from finn.util.settings import get_settings

    settings = get_settings()
    settings.finn_rtllib, settings.finn_deps = library, dependencies
    os.environ |= {
        "FINN_RTLLIB": library,
        "FINN_CUSTOM_HLS": str(settings.finn_custom_hls),
        "XILINX_LOCAL_USER_DATA": "no",  # Vivado keeps its Tcl store out of the home folder
    }


def _configuration(board: Board, output: Path) -> DataflowBuildConfig:
    """All settings of FINN that affect the bitfile, so that the bitfile is independent of FINN's defaults."""
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
