"""`radioml build`: from a QONNX model to an estimate, to RTL with its simulator, to netlists or a bitfile."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from finn_build.boards import Board, load_board
from finn_build.ecp5.place_and_route import tools
from finn_build.engine.cached_steps import CachedSteps
from finn_build.engine.paths import MADE, ONLY_FINN, RECEIPTS, RESULTS, STEPS, VENDOR, WORK, dropped_with
from finn_build.engine.record import drop_stage, inputs_of, open_record
from finn_build.engine.sources import code_digest
from finn_build.engine.step_runner import StepRunner
from finn_build.exploration.choose_folding import Goal
from finn_build.exploration.choose_folding import goal as goal_of
from finn_build.model_check.check_model import check_model
from finn_build.stages.bitstream import build_bitstream
from finn_build.stages.estimate import build_estimate
from finn_build.stages.rtl import build_rtl
from finn_build.stages.statistics_unit import build_unit_estimate, build_unit_rtl
from finn_build.stages.synthesis import build_synthesis
from finn_build.statistics_unit.read import read_unit
from finn_build.statistics_unit.recognition import is_statistics_network
from finn_build.statistics_unit.unit import LANES
from finn_build.vivado.bitfile import build_bitfile, check_bitfile, sized_graph, toolchain
from radioml.cache import Cache
from radioml.contract.estimate import Estimate
from radioml.contract.golden import read_golden
from radioml.contract.metadata import ModelMetadata, load_exported
from radioml.doctor.need import require
from radioml.doctor.tools import bitstream_needs, simulation_tools, synthesis_needs
from radioml.errors import RadioMLError
from radioml.files import alone_in, sha256
from radioml.run_directory import BITFILE_FOLDER, ESTIMATE, GOLDEN, PACKAGE, RTL, build_folder


@dataclass(frozen=True)
class Build:
    """A finished build. reused: the stages whose results of an earlier build were used again."""

    folder: Path
    estimate: Estimate
    reused: tuple[str, ...]


def check(model: Path, board: Board, until: str, hls_dma: bool = False) -> ModelMetadata:
    """Check whether a model can be built up to the stage `until`, without writing anything.

    Returns the model's metadata. Raises RadioMLError for a file that `radioml export` did not write, for layers that
    cannot be built (a line each), and for a bitfile where tools are missing or FINN has no shell for the board.
    """
    from qonnx.core.modelwrapper import ModelWrapper

    if until == "bitfile" and board.shell != "serial":
        check_bitfile(board, hls_dma)
    elif until == "bitfile":
        require(f"--until bitfile for {board.name}", bitstream_needs())
    elif until == "synthesis":
        require("--until synthesis", synthesis_needs())
    onnx_model, metadata = load_exported(model)
    if not is_statistics_network(onnx_model):
        check_model(ModelWrapper(onnx_model), metadata, until)
    elif until == "bitfile" and board.shell == "vitis":
        raise RadioMLError(
            f"{board.name}: an Alveo's bitfile is made of FINN's layers, and this network is built without FINN: build "
            "it --until rtl"
        )
    else:
        read_unit(onnx_model, metadata.logit_scale, LANES[-1])
    return metadata


def build(
    model: Path,
    board_name: str,
    until: str,
    out: Path | None = None,
    *,
    target_fps: int | None = None,
    folding_file: Path | None = None,
    fit: bool = False,
    margin_percent: int | None = None,
    hls_dma: bool = False,
    console: Console | None = None,
) -> Build:
    """Build `until` "estimate", "rtl", "synthesis" or "bitfile"; results of the same inputs are used again.

    Args:
        model: QONNX file, with golden.npz beside it.
        board_name: a board of the catalogue.
        until: the last stage.
        out: build folder; by default `build_folder`.
        target_fps: frames/s that the folding is chosen for; see `choose_folding.goal`.
        folding_file: folding.json of another build.
        fit: fold as fast as the board allows.
        margin_percent: percent of each resource that `fit` leaves unused.
        hls_dma: see `build_bitfile`.
        console: shows the steps; by default the standard error stream.

    Raises RadioMLError for a board, model, folding, golden file or tool that is missing or does not fit, for a folder
    in which another build runs, for a step that fails, and for a bitfile that fails timing. Raises MismatchError when
    the simulated RTL gives other logits than golden.npz, or Vivado would get other hardware than was simulated.
    """
    console = console or Console(file=sys.stderr)
    board = load_board(board_name)
    metadata = check(model, board, until, hls_dma)
    without_finn = is_statistics_network(load_exported(model)[0])
    goal = goal_of(board, target_fps, folding_file, fit, margin_percent)
    if without_finn and target_fps is None and goal.target_fps is not None:
        goal = Goal()  # the unit's own default
    golden = model.with_name(GOLDEN)
    if until != "estimate":
        require("the RTL build", simulation_tools())
        read_golden(golden)
    folder = (out or build_folder(model, board.name)).resolve()
    with alone_in(folder):
        record = open_record(folder, inputs_of(model, metadata.checkpoint_sha256, board, goal.inputs()))
        work = folder / WORK
        (folder / STEPS).mkdir(parents=True, exist_ok=True)
        runner = StepRunner(console, work, work / "build.log")
        cache = Cache(folder, folder / RECEIPTS)
        reused = []

        def stage(name: str, module: str, inputs: dict[str, Any], run: Callable[[CachedSteps], None]) -> None:
            """Run a stage unless it is complete; module: holds the stage's code."""
            inputs = {**inputs, "code": code_digest(module)}
            if record.is_complete(folder, name, inputs):
                reused.append(name)
                return
            for later in dropped_with(name, board.shell):
                drop_stage(record, folder, later, RESULTS[later])
            basis = {"code": inputs["code"], "versions": record.versions}
            steps = CachedSteps(runner, cache, basis, {"part": board.part, "clock_mhz": board.clock_mhz})
            run(steps)
            made = [file for file in MADE[name] if not (without_finn and file in ONLY_FINN)]
            record.finish(folder, name, inputs, steps.seconds, made)
            for generated in work.glob("code_gen_*"):
                shutil.rmtree(generated)

        make_estimate, make_rtl = (build_unit_estimate, build_unit_rtl) if without_finn else (build_estimate, build_rtl)
        stage(
            "estimate", make_estimate.__module__, {},
            lambda steps: make_estimate(steps, model, metadata, board, goal),
        )  # fmt: skip
        estimated = Estimate.read(folder / ESTIMATE)
        if until != "estimate":
            inputs = {"golden": sha256(golden)}
            stage(
                "rtl", make_rtl.__module__, inputs,
                lambda steps: make_rtl(steps, metadata, board, model, golden, estimated),
            )  # fmt: skip
        by_yosys = board.shell == "serial"
        if until == "synthesis" or (until == "bitfile" and by_yosys):
            stage(
                "synthesis", build_synthesis.__module__, {},
                lambda steps: build_synthesis(steps, board, estimated),
            )  # fmt: skip
        if until == "bitfile" and by_yosys:
            stage(
                "bitfile", build_bitstream.__module__, inputs | {"tools": tools()},
                lambda steps: build_bitstream(steps, metadata, board, golden),
            )  # fmt: skip
        elif until == "bitfile":
            how = {**inputs, **toolchain(), "hls_dma": hls_dma}
            samples = estimated.layers[0].folding["SIMD"] if without_finn else None
            stage(
                "bitfile", build_bitfile.__module__, how, lambda steps: _build_bitfile(steps, board, hls_dma, samples)
            )
        return Build(folder, estimated, tuple(reused))


def _build_bitfile(steps: CachedSteps, board: Board, hls_dma: bool, unit_samples: int | None) -> None:
    """Build the bitfile from the beginning, without the cache: FINN cannot continue the vendor's tools."""
    folder, vendor = steps.folder, steps.folder / VENDOR
    shutil.rmtree(vendor, ignore_errors=True)
    runner = StepRunner(steps.runner.console, vendor, steps.runner.log)
    target = folder / BITFILE_FOLDER
    sized = sized_graph(folder, unit_samples, runner.log)
    build_bitfile(runner, sized, board, folder / RTL, folder / PACKAGE, target, hls_dma)
    steps.seconds = runner.seconds
    shutil.rmtree(vendor)
