"""From a folded graph to HDL with sized FIFOs, its simulator, the comparison with the network, and the package."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import radioml
from finn_build.boards import Board
from finn_build.engine.paths import (
    CYCLES,
    DEPTHS,
    DESIGN,
    FOLDED,
    GAUGE,
    GAUGE_DESIGN,
    GAUGE_LIBRARY,
    NETWORK,
    PACKAGE,
    RTL,
    SIMULATION,
    UNSIZED,
    WITH_FIFOS,
)  # fmt: skip
from finn_build.engine.step_cache import KeptSteps
from finn_build.model_check.rtl_support import check_all_rtl
from finn_build.rtl.design import Design, read_design
from finn_build.rtl.hdl import generate_hdl, insert_fifos, set_fifo_depths
from finn_build.simulator.cache import SimulatorCache
from finn_build.simulator.fifo_sizing import GAUGED_FRAMES, gauge_fifo_depths, gauging_key
from finn_build.simulator.verilator import compile_simulator
from finn_build.stages.estimate import save
from finn_build.verify.comparison import compare
from radioml.contract.golden import read_golden
from radioml.contract.metadata import ModelMetadata
from radioml.contract.package import LIBRARY, MODEL, Manifest, write_package
from radioml.errors import MismatchError, RadioMLError
from radioml.files import sha256, write_json
from radioml.network.exact_qonnx import ExactQonnx, logits_as_integers
from radioml.reading.text import read_json
from radioml.simulation.rtl_simulator import RtlSimulator

_LIBRARY = f"{SIMULATION}/{LIBRARY}"


def build_rtl(
    steps: KeptSteps, metadata: ModelMetadata, board: Board, network: Path, golden: Path, estimated: dict[str, Any]
) -> None:
    """Write `RTL`, `SIMULATION`, `WITH_FIFOS` and `PACKAGE` to the build folder.

    network: the QONNX file; golden: its golden.npz; estimated: content of estimate.json. Raises RadioMLError, before
    anything is compiled, when golden.npz is another network's; MismatchError when the simulated RTL gives other logits.
    """
    folder = steps.folder
    inputs = {"golden": sha256(golden), "quantiser": asdict(metadata.quantiser)}
    steps.run(
        "compute golden frames in software", lambda: _check_golden(golden, network, metadata.logit_scale),
        [NETWORK], [], inputs,
    )  # fmt: skip
    (folder / SIMULATION).mkdir(exist_ok=True)
    design = _hdl(steps, board, estimated["interval_cycles"])
    log, library = steps.runner.work / "verilator.log", folder / _LIBRARY
    cache = SimulatorCache(steps.runner.work)
    steps.run(
        "compile the simulator",
        lambda: cache.simulator(folder / RTL, design, _objects(), library, log),
        [RTL, DESIGN], [_LIBRARY],
    )  # fmt: skip

    def simulate() -> None:
        iq, logits = read_golden(golden)
        with RtlSimulator(library, folder / RTL, design.input, design.output) as simulator:
            run = simulator.run(metadata.quantiser(iq))
        comparison = compare(logits, run.integers)
        if not comparison.equal:
            raise MismatchError(
                f"the simulated RTL differs from the network in {len(comparison.mismatching)} of {len(iq)} golden "
                f"frames (first: frame, logit, expected, found = {comparison.first}); nothing was packaged"
            )
        counted = {"cycles_per_frame": run.cycles_per_frame, "latency_cycles": run.latency_cycles}
        write_json(folder / CYCLES, {**counted, "frames": len(iq)})

    steps.run("simulate golden frames", simulate, [_LIBRARY, RTL, DESIGN], [CYCLES], inputs)
    manifest = _manifest(sha256(network), metadata, board, design, estimated, read_json(folder / CYCLES))
    contents = [folder / _LIBRARY, *(folder / RTL / name for name in design.data_files), golden]
    steps.run(
        "package",
        lambda: _package(folder / PACKAGE, manifest, contents, network),
        [_LIBRARY, RTL], [PACKAGE], [manifest.to_json(), sha256(golden)],
    )  # fmt: skip


def _check_golden(golden: Path, network: Path, logit_scale: float) -> None:
    """RadioMLError unless the QONNX network gives the golden logits."""
    import onnx

    iq, logits = read_golden(golden)
    comparison = compare(logits, logits_as_integers(ExactQonnx(onnx.load(network))(iq), logit_scale))
    if not comparison.equal:
        raise RadioMLError(
            f"{golden}: {network.name} gives other logits for {len(comparison.mismatching)} of {len(iq)} frames: they "
            "are another network's; `radioml export` writes model and golden frames anew"
        )


def _hdl(steps: KeptSteps, board: Board, interval: int) -> Design:
    """The steps up to HDL with sized FIFOs."""
    from qonnx.core.modelwrapper import ModelWrapper

    folder, runner = steps.folder, steps.runner
    of_board = {"name": board.name, "part": board.part, "clock_mhz": board.clock_mhz}

    def insert() -> None:
        model = ModelWrapper(str(folder / FOLDED))
        check_all_rtl(model)
        save(insert_fifos(model, board), folder / UNSIZED)

    def gauge_hdl() -> None:
        _generate(ModelWrapper(str(folder / UNSIZED)), board, folder / GAUGE, folder / GAUGE_DESIGN)

    def sized_hdl() -> None:
        model = ModelWrapper(str(folder / UNSIZED))
        set_fifo_depths(model, depths)
        save(model, folder / WITH_FIFOS)
        _generate(model, board, folder / RTL, folder / DESIGN)

    steps.run("insert converters and FIFOs", insert, [FOLDED], [UNSIZED], of_board, finn=True)
    steps.run("generate HDL", gauge_hdl, [UNSIZED], [GAUGE, GAUGE_DESIGN], of_board, finn=True)
    design, log = read_design(folder / GAUGE_DESIGN), runner.work / "verilator.log"
    library = folder / GAUGE_LIBRARY

    def gauge() -> dict[str, int]:
        steps.run(
            "compile the FIFO gauge",
            lambda: compile_simulator(folder / GAUGE, design, _objects(), library, log, gauge=True),
            [GAUGE, GAUGE_DESIGN], [GAUGE_LIBRARY],
        )  # fmt: skip
        show = runner.counter("frames", GAUGED_FRAMES)
        return runner.run("size FIFOs", lambda: gauge_fifo_depths(library, folder / GAUGE, design, interval, show))

    depths = SimulatorCache(runner.work).depths(gauging_key(folder / GAUGE, design, interval), gauge)
    write_json(folder / DEPTHS, depths)
    steps.run(
        "generate HDL with sized FIFOs", sized_hdl, [UNSIZED, DEPTHS], [RTL, WITH_FIFOS, DESIGN], of_board, finn=True
    )
    return read_design(folder / DESIGN)


def _objects() -> Path:
    """A folder that no compiler of a build that was killed may still be writing to; in the build folder, see
    `StepRunner`.
    """
    return Path(tempfile.mkdtemp(prefix="verilated."))


def _generate(model: Any, board: Board, hdl: Path, design: Path) -> None:
    shutil.rmtree(hdl, ignore_errors=True)
    generate_hdl(model, board, hdl).write(design)


def _manifest(
    model_sha256: str,
    metadata: ModelMetadata,
    board: Board,
    design: Design,
    estimated: dict[str, Any],
    cycles: dict[str, int],
) -> Manifest:
    return Manifest(
        kind="simulation",
        version=radioml.__version__,
        board=board.name,
        clock_mhz=board.clock_mhz,
        model_sha256=model_sha256,
        classes=metadata.classes,
        quantiser=metadata.quantiser,
        logit_scale=metadata.logit_scale,
        training_data=metadata.training_data,
        accuracy=metadata.accuracy,
        input=design.input,
        output=design.output,
        folding={layer["name"]: layer["folding"] for layer in estimated["layers"] if layer["folding"]},
        cycles_per_frame=cycles["cycles_per_frame"],
        latency_cycles=cycles["latency_cycles"],
    )


def _package(package: Path, manifest: Manifest, files: list[Path], network: Path) -> None:
    """package.zip: library, .dat files, golden frames and the QONNX network, side by side."""
    with tempfile.TemporaryDirectory() as folder:
        contents = Path(folder)
        for file in files:
            shutil.copyfile(file, contents / file.name)
        shutil.copyfile(network, contents / MODEL)
        write_package(package, manifest, contents, [*(file.name for file in files), MODEL])
