"""`radioml build`: from a QONNX model to an estimate, or to RTL with its simulator and package."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import radioml
from finn_build.bitfile import build_bitfile, check_bitfile, toolchain
from finn_build.boards import Board, load_board
from finn_build.check_model import check_model
from finn_build.choose_folding import Wish, choose_folding, wish
from finn_build.fifo_sizing import GAUGED_FRAMES, gauge_fifo_depths, gauging_key
from finn_build.folding import FOLDING_FILE, folding_of
from finn_build.hdl import Design, generate_hdl, insert_fifos, set_fifo_depths
from finn_build.record import BuildRecord, drop_stage, inputs_of, open_record
from finn_build.rtl_support import check_all_rtl
from finn_build.simulator_cache import SimulatorCache
from finn_build.step_runner import StepRunner
from finn_build.steps import graph_steps
from finn_build.verification import compare
from finn_build.verilator import check_tools, compile_simulator
from radioml.constants import FRAME_LENGTH
from radioml.errors import MismatchError, RadioMLError
from radioml.files import read_json, sha256, write_json
from radioml.model_metadata import ModelMetadata, load_exported
from radioml.package import GOLDEN, LIBRARY, MODEL, Manifest, write_package
from radioml.rtl_simulator import RtlSimulator, SimulationRun

ESTIMATE, RTL, SIMULATION, PACKAGE = "estimate.json", "rtl", "simulation", "package.zip"
BITFILE = "bitfile"
_WORK = "finn"
STEPS = f"{_WORK}/steps"
NETWORK = f"{STEPS}/00_QONNX.onnx"
FOLDED, WITH_FIFOS = f"{_WORK}/folded.onnx", f"{_WORK}/with_fifos.onnx"
_GAUGE, _GAUGE_LIBRARY, _OBJECTS = "gauge", "libgauge.so", "verilated"
_VENDOR = f"{_WORK}/vendor"
_MADE = {
    "estimate": [ESTIMATE, STEPS, FOLDED, FOLDING_FILE],
    "rtl": [RTL, SIMULATION, WITH_FIFOS, PACKAGE],
    "bitfile": [BITFILE],
}


@dataclass(frozen=True)
class Build:
    """A finished build: its folder, the estimate, and which stages were there already."""

    folder: Path
    estimate: dict[str, Any]
    reused: tuple[str, ...]


def default_folder(model: Path, board: str) -> Path:
    """`<run>/build/<board>` for a model in `<run>/train/`, else `build/<board>` beside the model."""
    folder = model.resolve().parent
    return (folder.parent if folder.name == "train" else folder) / "build" / board


def check(model: Path, board: Board, until: str) -> ModelMetadata:
    """The model's metadata, if it can be built `until` then; builds nothing and writes nothing.

    Raises RadioMLError for a file that `radioml export` did not write, with a line for every layer that is a problem,
    and for a bitfile without tools or for a board that FINN cannot build one for.
    """
    from qonnx.core.modelwrapper import ModelWrapper

    if until == "bitfile":
        check_bitfile(board)
    onnx_model, metadata = load_exported(model)
    check_model(ModelWrapper(onnx_model), metadata, until)
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
    console: Console | None = None,
) -> Build:
    """Build `until` "estimate", "rtl" or "bitfile"; stages already built from the same inputs are used again.

    out: build folder (default: `default_folder`); target_fps, folding_file, fit, margin_percent: see
    `choose_folding.wish`. Raises RadioMLError for a board, model, folding, golden file or tool that is missing or does
    not fit, for a step that fails and a bitfile that fails timing; MismatchError when the simulated RTL gives other
    logits than golden.npz, or Vivado would get other hardware than was simulated.
    """
    console = console or Console(file=sys.stderr)
    board = load_board(board_name)
    metadata = check(model, board, until)
    wanted = wish(board, target_fps, folding_file, fit, margin_percent)
    golden = model.with_name(GOLDEN)
    if until != "estimate":
        check_tools()
        _read_golden(golden)
    folder = (out or default_folder(model, board.name)).resolve()
    record = open_record(folder, inputs_of(model, metadata.checkpoint_sha256, board, wanted.inputs()))
    work = folder / _WORK
    work.mkdir(exist_ok=True)
    runner = StepRunner(console, work, work / "build.log")
    reused = []

    if record.is_complete(folder, "estimate", {}):
        reused.append("estimate")
    else:
        drop_stage(record, folder, "bitfile", _MADE["bitfile"])
        drop_stage(record, folder, "rtl", _MADE["rtl"])
        # The folding file is replaced, never dropped: it may be what the user has edited.
        drop_stage(record, folder, "estimate", [name for name in _MADE["estimate"] if name != FOLDING_FILE])
        _build_estimate(runner, model, metadata, board, wanted, folder)
        record.finish(folder, "estimate", {}, runner.seconds, _MADE["estimate"])
    estimated = read_json(folder / ESTIMATE)
    inputs = {"golden": sha256(golden)} if until != "estimate" else {}
    if until != "estimate":
        if record.is_complete(folder, "rtl", inputs):
            reused.append("rtl")
        else:
            drop_stage(record, folder, "bitfile", _MADE["bitfile"])
            drop_stage(record, folder, "rtl", _MADE["rtl"])
            runner.seconds = {}
            _build_rtl(runner, record, metadata, board, model, golden, estimated, folder)
            record.finish(folder, "rtl", inputs, runner.seconds, _MADE["rtl"])
    if until == "bitfile":
        inputs = inputs | toolchain()
        if record.is_complete(folder, "bitfile", inputs):
            reused.append("bitfile")
        else:
            drop_stage(record, folder, "bitfile", _MADE["bitfile"])
            vendor = folder / _VENDOR
            shutil.rmtree(vendor, ignore_errors=True)
            runner = StepRunner(console, vendor, work / "build.log")
            build_bitfile(runner, folder / WITH_FIFOS, board, folder / RTL, folder / PACKAGE, folder / BITFILE)
            record.finish(folder, "bitfile", inputs, runner.seconds, _MADE["bitfile"])
            shutil.rmtree(vendor)
    return Build(folder, estimated, tuple(reused))


def _build_estimate(
    runner: StepRunner, path: Path, metadata: ModelMetadata, board: Board, wanted: Wish, folder: Path
) -> None:
    from qonnx.core.modelwrapper import ModelWrapper

    start = time.perf_counter()
    model = ModelWrapper(str(path.resolve()))
    steps = runner.run("load FINN", lambda: graph_steps(model, metadata, board, runner.work), finn=True)
    (folder / STEPS).mkdir()
    shutil.copyfile(path, folder / NETWORK)
    for number, (name, step) in enumerate(steps, 1):
        model = runner.run(name, lambda step=step, model=model: step(model), finn=True)
        model.save(str(folder / STEPS / f"{number:02}_{name.replace(' ', '_')}.onnx"))
    chosen = runner.run("fold and estimate", lambda: choose_folding(model, board, wanted), finn=True)
    chosen.model.save(str(folder / FOLDED))
    write_json(folder / FOLDING_FILE, folding_of(chosen.model))
    write_json(folder / ESTIMATE, {**chosen.estimate, "seconds": round(time.perf_counter() - start, 1)})


def _build_rtl(
    runner: StepRunner,
    record: BuildRecord,
    metadata: ModelMetadata,
    board: Board,
    network: Path,
    golden: Path,
    estimated: dict[str, Any],
    folder: Path,
) -> None:
    from qonnx.core.modelwrapper import ModelWrapper

    work, rtl, simulation = runner.work, folder / RTL, folder / SIMULATION
    simulation.mkdir()
    _clear(work)
    library = simulation / LIBRARY

    cache, objects, log = SimulatorCache(work), work / _OBJECTS, work / "verilator.log"
    model = ModelWrapper(str(folder / FOLDED))
    check_all_rtl(model)
    model = runner.run("insert converters and FIFOs", lambda: insert_fifos(model, board), finn=True)
    gauge_hdl, gauge_library = work / _GAUGE, work / _GAUGE_LIBRARY
    design = runner.run("generate HDL", lambda: generate_hdl(model, board, gauge_hdl), finn=True)
    interval = estimated["interval_cycles"]

    def compile_gauge() -> None:
        compile_simulator(gauge_hdl, design, objects, gauge_library, log, gauge=True)

    def gauge() -> dict[str, int]:
        runner.run("compile the FIFO gauge", compile_gauge)
        show = runner.counter("frames", GAUGED_FRAMES)
        return runner.run("size FIFOs", lambda: gauge_fifo_depths(gauge_library, gauge_hdl, design, interval, show))

    depths = cache.depths(gauging_key(gauge_hdl, design, interval), gauge)
    write_json(simulation / "fifo_depths.json", depths)

    def with_depths() -> Design:
        set_fifo_depths(model, depths)
        return generate_hdl(model, board, rtl)

    design = runner.run("generate HDL with sized FIFOs", with_depths, finn=True)
    model.save(str(folder / WITH_FIFOS))
    runner.run("compile the simulator", lambda: cache.simulator(rtl, design, objects, library, log))
    iq, logits = _read_golden(golden)
    run = runner.run("simulate golden frames", lambda: _simulate(library, rtl, design, metadata, iq))
    write_json(simulation / "cycles.json", {
        "cycles_per_frame": run.cycles_per_frame, "latency_cycles": run.latency_cycles, "frames": len(iq),
    })  # fmt: skip
    comparison = compare(logits, run.integers)
    if not comparison.equal:
        raise MismatchError(
            f"the simulated RTL differs from the network in {len(comparison.mismatching)} of {len(iq)} golden frames "
            f"(first: frame, logit, expected, found = {comparison.first}); nothing was packaged"
        )
    manifest = _manifest(record, metadata, board, design, estimated, run)
    runner.run("package", lambda: _package(folder, manifest, design, network, golden))
    _clear(work)


def _clear(work: Path) -> None:
    """Remove what FINN and Verilator leave behind, now or in a build that was interrupted."""
    for folder in (work / _GAUGE, work / _OBJECTS, *work.glob("code_gen_*")):
        shutil.rmtree(folder, ignore_errors=True)
    (work / _GAUGE_LIBRARY).unlink(missing_ok=True)


def _read_golden(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """IQ float32 (N, 1024, 2) and integer logits int64 (N, classes), two frames at least."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            iq, logits = arrays["iq"], arrays["logits"]
    except (OSError, ValueError, KeyError) as error:
        raise RadioMLError(
            f"{path}: no golden frames ({error}); `radioml export` writes them beside the model"
        ) from error
    if iq.ndim != 3 or iq.shape[1:] != (FRAME_LENGTH, 2) or len(logits) != len(iq) or len(iq) < 2:
        raise RadioMLError(f"{path}: {iq.shape} frames and {logits.shape} logits; `radioml export` writes two or more")
    return iq, logits


def _simulate(library: Path, rtl: Path, design: Design, metadata: ModelMetadata, iq: np.ndarray) -> SimulationRun:
    with RtlSimulator(library, rtl, design.input, design.output) as simulator:
        return simulator.run(metadata.quantiser(iq))


def _manifest(
    record: BuildRecord,
    metadata: ModelMetadata,
    board: Board,
    design: Design,
    estimated: dict[str, Any],
    run: SimulationRun,
) -> Manifest:
    return Manifest(
        kind="simulation",
        version=radioml.__version__,
        board=board.name,
        clock_mhz=board.clock_mhz,
        model_sha256=record.inputs["model"],
        classes=metadata.classes,
        quantiser=metadata.quantiser,
        logit_scale=metadata.logit_scale,
        training_data=metadata.training_data,
        accuracy=metadata.accuracy,
        input=design.input,
        output=design.output,
        folding={layer["name"]: layer["folding"] for layer in estimated["layers"] if layer["folding"]},
        cycles_per_frame=run.cycles_per_frame,
        latency_cycles=run.latency_cycles,
    )


def _package(folder: Path, manifest: Manifest, design: Design, network: Path, golden: Path) -> None:
    """package.zip: library, .dat files, the QONNX network and golden frames, side by side."""
    contents = folder / _WORK / "package"
    contents.mkdir(exist_ok=True)
    files = [folder / SIMULATION / LIBRARY, *(folder / RTL / name for name in design.data_files), golden]
    for file in files:
        shutil.copyfile(file, contents / file.name)
    shutil.copyfile(network, contents / MODEL)
    write_package(folder / PACKAGE, manifest, contents, [*(file.name for file in files), MODEL])
    shutil.rmtree(contents)
