"""From the layers' netlists to the bitstream of a serial board by open tools: simulate, route, pack."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from finn_build.boards import Board
from finn_build.ecp5.netlist import CHIP_NETLIST, SHELL_NETLIST, join_chip, synthesise_shell
from finn_build.ecp5.place_and_route import REPORTS, ROUTED, judge, pack, place_and_route, read_routed, tools
from finn_build.engine.cached_steps import CachedSteps
from finn_build.engine.paths import CHIP, GATES, WORK
from finn_build.engine.step import Step
from finn_build.synthesis.netlists import groups_of
from finn_build.synthesis.scripts import ECP5
from finn_build.verify.comparison import compare
from finn_build.verify.gate_design import netlist_layers, whole
from finn_build.verify.gate_rungs import gate_simulator
from radioml.contract.golden import read_golden
from radioml.contract.metadata import ModelMetadata
from radioml.contract.package import BITSTREAM, open_package, write_package
from radioml.contract.serial_link import rate_of
from radioml.contract.synthesis import Synthesis
from radioml.errors import MismatchError
from radioml.files import sha256, write_json
from radioml.run_directory import (
    BITFILE_FOLDER,
    GOLDEN,
    IMPLEMENTATION,
    MODEL,
    PACKAGE,
    RTL,
    SYNTHESIS,
    SYNTHESIS_REPORT,
)
from radioml.simulation.design import Design, read_design
from radioml.simulation.rtl_simulator import RtlSimulator
from radioml.temporary import temporary_folder

SIMULATE_NETLIST = Step("simulate_netlist", "simulate golden frames on the netlist")
SYNTHESISE_SHELL = Step("synthesise_shell", "synthesise the serial shell", depends_on_board=True)
JOIN_CHIP = Step("join_chip", "join shell and netlists", depends_on_board=True)
PLACE_AND_ROUTE = Step("place_and_route", "place and route (nextpnr)", depends_on_board=True)
PACK = Step("pack_bitstream", "pack the bitstream", depends_on_board=True)
_REPORTS = "reports"


def build_bitstream(steps: CachedSteps, metadata: ModelMetadata, board: Board, golden: Path) -> None:
    """Write `BITFILE_FOLDER`: the bitstream, reports/, implementation.json and package.zip.

    Raises MismatchError, before anything is routed, where the netlist gives other logits than golden.npz. Raises
    RadioMLError where a tool fails or timing is missed; the folder then has the reports and no bitstream.
    """
    folder, chip = steps.folder, steps.folder / CHIP
    result = folder / BITFILE_FOLDER
    synthesis, rtl = Synthesis.read(folder / SYNTHESIS_REPORT), read_design(folder / RTL)
    groups = groups_of(rtl, [layer.name for layer in synthesis.layers])
    design = whole(rtl, netlist_layers(groups))
    cells = {cell for layer in synthesis.layers for cell in layer.cells}
    netlists = [folder / SYNTHESIS / f"{layer.name}.v" for layer in design.layers]
    rate = rate_of(board.clock_mhz)
    chip.mkdir(exist_ok=True)

    def simulate() -> None:
        library = gate_simulator(design, folder / SYNTHESIS, cells, ECP5, folder / WORK / "gates")
        count = check_netlist(library, library.parent, design, metadata, golden)
        write_json(folder / GATES, {"frames": count})

    steps.run(SIMULATE_NETLIST, simulate, reads=[SYNTHESIS], made=[GATES], inputs=sha256(golden))
    steps.run(
        SYNTHESISE_SHELL, lambda: synthesise_shell(design.input, design.output, rate.bit_cycles, chip),
        reads=[RTL], made=[f"{CHIP}/{SHELL_NETLIST}"], inputs=[tools(), rate.bit_cycles],
    )  # fmt: skip
    steps.run(
        JOIN_CHIP, lambda: join_chip(design, board, netlists, chip),
        reads=[SYNTHESIS, f"{CHIP}/{SHELL_NETLIST}"], made=[f"{CHIP}/{CHIP_NETLIST}"],
    )  # fmt: skip

    routed_files = [f"{CHIP}/{name}" for name in (ROUTED, *REPORTS)]
    steps.run(
        PLACE_AND_ROUTE, lambda: place_and_route(CHIP_NETLIST, board, chip),
        reads=[f"{CHIP}/{CHIP_NETLIST}"], made=routed_files, inputs=tools(),
    )  # fmt: skip

    def packed() -> None:
        shutil.rmtree(result, ignore_errors=True)
        (result / _REPORTS).mkdir(parents=True)
        for name in REPORTS:
            shutil.copyfile(chip / name, result / _REPORTS / name)
        judge(read_routed(chip, board), board, result / _REPORTS, result / IMPLEMENTATION)
        pack(chip, BITSTREAM)
        shutil.copyfile(chip / BITSTREAM, result / BITSTREAM)
        _package(folder / PACKAGE, result)

    steps.run(PACK, packed, reads=[*routed_files, PACKAGE, GATES], made=[BITFILE_FOLDER], inputs=tools())


def check_netlist(library: Path, data: Path, design: Design, metadata: ModelMetadata, golden: Path) -> int:
    """Simulate all golden frames on a netlist and return their number. Raises MismatchError for other logits.

    library, data: see `RtlSimulator`.
    """
    iq, logits = read_golden(golden)
    with RtlSimulator(library, data, design.input, design.output) as simulator:
        found = simulator.run(metadata.quantiser(iq)).integers
    comparison = compare(logits, found)
    if not comparison.equal:
        raise MismatchError(
            f"the netlist differs from the network in {len(comparison.mismatching)} of {len(iq)} golden frames (first: "
            f"frame, logit, expected, found = {comparison.first}); nothing was routed. `radioml verify BUILD --gates` "
            "names the layer"
        )
    return len(iq)


def _package(simulated: Path, result: Path) -> None:
    """package.zip: bitstream and implementation.json, and the network and golden frames of the simulation."""
    with temporary_folder("radioml-package") as work:
        package = open_package(simulated, work)
        names = [BITSTREAM, IMPLEMENTATION]
        for name in names:
            shutil.copyfile(result / name, work / name)
        write_package(result / PACKAGE, replace(package.manifest, kind="bitfile"), work, [*names, GOLDEN, MODEL])
