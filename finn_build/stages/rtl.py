"""From a folded graph to HDL with sized FIFOs, its simulator, the comparison with the network, and the package."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from finn_build.boards import Board
from finn_build.engine.cached_steps import CachedSteps
from finn_build.engine.graphs import load_graph, save_graph
from finn_build.engine.paths import CYCLES, FOLDED, GAUGE, GAUGE_LIBRARY, NETWORK, UNSIZED, WITH_FIFOS
from finn_build.engine.step import Step
from finn_build.model_check.check_model import check_all_rtl
from finn_build.rtl.fifo_sizing import GAUGED_FRAMES, gauge_fifo_depths, gauging_key
from finn_build.rtl.hdl import generate_hdl, insert_fifos, set_fifo_depths
from finn_build.stages.package import manifest_of, write_simulation_package
from finn_build.verify.comparison import compare
from radioml.contract.estimate import Estimate
from radioml.contract.golden import read_golden
from radioml.contract.metadata import ModelMetadata
from radioml.contract.simulation import GoldenSimulation
from radioml.errors import MismatchError, RadioMLError
from radioml.files import sha256, write_json
from radioml.network.exact_qonnx import ExactQonnx, logits_as_integers
from radioml.run_directory import FIFO_DEPTHS, PACKAGE, RTL, SIMULATION
from radioml.simulation.compiled import is_compiled, simulator_cache, simulator_of
from radioml.simulation.design import Design, read_design
from radioml.simulation.rtl_simulator import RtlSimulator
from radioml.simulation.verilator import compile_simulator

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

GOLDEN_IN_SOFTWARE = Step("golden_in_software", "compute golden frames in software")
INSERT_FIFOS = Step("insert_fifos", "insert converters and FIFOs", in_finn=True, depends_on_board=True)
GAUGE_HDL = Step("gauge_hdl", "generate HDL", in_finn=True, depends_on_board=True)
COMPILE_GAUGE = Step("compile_gauge", "compile the FIFO gauge")
SIZE_FIFOS = Step("size_fifos", "size FIFOs")
SIZED_HDL = Step("sized_hdl", "generate HDL with sized FIFOs", in_finn=True, depends_on_board=True)
COMPILE = Step("compile", "compile the simulator")
SIMULATE = Step("simulate", "simulate golden frames")
MAKE_PACKAGE = Step("package", "package")


def build_rtl(
    steps: CachedSteps,
    metadata: ModelMetadata,
    board: Board,
    network: Path,
    golden: Path,
    estimated: Estimate,
    hdl: Callable[[CachedSteps, Board, Estimate], Design] | None = None,
) -> None:
    """Write `RTL`, `SIMULATION` and `PACKAGE` to the build folder, and where FINN makes the HDL `WITH_FIFOS`.

    Args:
        steps: runs the steps; knows the build folder.
        network, metadata: the QONNX file and its metadata.
        board: the board that the RTL is for.
        golden: golden.npz beside it.
        estimated: the estimate of the folded network.
        hdl: writes `RTL`; by default the steps with FINN.

    Raises RadioMLError, before anything is compiled, when golden.npz is another network's; MismatchError when the
    simulated RTL gives other logits.
    """
    folder = steps.folder
    frames = {"golden": sha256(golden), "quantiser": asdict(metadata.quantiser)}
    steps.run(
        GOLDEN_IN_SOFTWARE, lambda: _check_golden(golden, network, metadata.logit_scale),
        reads=[NETWORK], made=[], inputs=frames,
    )  # fmt: skip
    (folder / SIMULATION).mkdir(exist_ok=True)
    design = (hdl or _hdl)(steps, board, estimated)
    if is_compiled(folder / RTL):
        steps.runner.skip(COMPILE)
    else:
        steps.runner.run(COMPILE, lambda: simulator_of(folder / RTL))
        steps.seconds[COMPILE.id] = steps.runner.seconds[COMPILE.id]

    def simulate() -> None:
        iq, logits = read_golden(golden)
        with RtlSimulator(simulator_of(folder / RTL), folder / RTL, design.input, design.output) as simulator:
            run = simulator.run(metadata.quantiser(iq))
        comparison = compare(logits, run.integers)
        if not comparison.equal:
            raise MismatchError(
                f"the simulated RTL differs from the network in {len(comparison.mismatching)} of {len(iq)} golden "
                f"frames (first: frame, logit, expected, found = {comparison.first}); nothing was packaged"
            )
        GoldenSimulation(run.cycles_per_frame, run.latency_cycles, len(iq)).write(folder / CYCLES)

    steps.run(SIMULATE, simulate, reads=[RTL], made=[CYCLES], inputs=frames)
    manifest = manifest_of(sha256(network), metadata, board, design, estimated, GoldenSimulation.read(folder / CYCLES))
    steps.run(
        MAKE_PACKAGE, lambda: write_simulation_package(folder / PACKAGE, manifest, folder / RTL, golden, network),
        reads=[RTL], made=[PACKAGE], inputs=[manifest.to_json(), sha256(golden)],
    )  # fmt: skip


def _check_golden(golden: Path, network: Path, logit_scale: float) -> None:
    """Raise RadioMLError unless the QONNX network gives the golden logits."""
    import onnx

    iq, logits = read_golden(golden)
    comparison = compare(logits, logits_as_integers(ExactQonnx(onnx.load(network))(iq), logit_scale))
    if not comparison.equal:
        raise RadioMLError(
            f"{golden}: {network.name} gives other logits for {len(comparison.mismatching)} of {len(iq)} frames, so "
            "the file belongs to another network; `radioml export` writes model and golden frames again"
        )


def _hdl(steps: CachedSteps, board: Board, estimated: Estimate) -> Design:
    """The steps up to HDL with sized FIFOs."""
    folder, runner, cache = steps.folder, steps.runner, simulator_cache()
    initiation_interval = estimated.cycles_per_frame

    def insert() -> None:
        model = load_graph(folder / FOLDED)
        check_all_rtl(model)
        save_graph(insert_fifos(model, board), folder / UNSIZED)

    def gauge_hdl() -> None:
        _generate(load_graph(folder / UNSIZED), board, folder / GAUGE)

    def sized_hdl() -> None:
        model = load_graph(folder / UNSIZED)
        set_fifo_depths(model, depths)
        save_graph(model, folder / WITH_FIFOS)
        _generate(model, board, folder / RTL)

    steps.run(INSERT_FIFOS, insert, reads=[FOLDED], made=[UNSIZED])
    # The HDL's README names the board.
    steps.run(GAUGE_HDL, gauge_hdl, reads=[UNSIZED], made=[GAUGE], inputs=board.name)
    design, library = read_design(folder / GAUGE), folder / GAUGE_LIBRARY

    def compile_gauge() -> None:
        compile_simulator(folder / GAUGE, library, cache, gauge=True)

    def gauge() -> dict[str, int]:
        steps.run(COMPILE_GAUGE, compile_gauge, reads=[GAUGE], made=[GAUGE_LIBRARY])
        show = runner.counter("frames", GAUGED_FRAMES)
        return runner.run(
            SIZE_FIFOS, lambda: gauge_fifo_depths(library, folder / GAUGE, design, initiation_interval, show)
        )

    key = gauging_key(folder / GAUGE, initiation_interval)
    depths = cache.value(key, key, gauge)
    write_json(folder / FIFO_DEPTHS, depths)
    steps.run(SIZED_HDL, sized_hdl, reads=[UNSIZED, FIFO_DEPTHS], made=[RTL, WITH_FIFOS], inputs=board.name)
    return read_design(folder / RTL)


def _generate(model: ModelWrapper, board: Board, hdl: Path) -> None:
    shutil.rmtree(hdl, ignore_errors=True)
    generate_hdl(model, board, hdl)
