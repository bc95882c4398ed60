"""From the HDL to netlists by Yosys and their resources, layer by layer, beside the estimate."""

from __future__ import annotations

import shutil

from finn_build.boards import RESOURCES, Board
from finn_build.engine.cached_steps import CachedSteps
from finn_build.engine.paths import WORK
from finn_build.engine.step import Step
from finn_build.synthesis.cells import resources_of
from finn_build.synthesis.netlists import groups_of, synthesise
from finn_build.synthesis.scripts import command, yosys_family
from finn_build.synthesis.yosys import yosys_version
from radioml.contract.estimate import Estimate
from radioml.contract.synthesis import CAVEATS, KIND, LayerSynthesis, Synthesis
from radioml.run_directory import ESTIMATE, RTL, SYNTHESIS, SYNTHESIS_REPORT
from radioml.simulation.design import read_design

SYNTHESISE = Step("synthesise", "synthesise with Yosys", depends_on_board=True)


def build_synthesis(steps: CachedSteps, board: Board, estimated: Estimate) -> None:
    """Write `SYNTHESIS`: a netlist LAYER.v of each layer of the estimate, and `SYNTHESIS_REPORT`.

    Raises RadioMLError where Yosys fails.
    """
    folder = steps.folder
    family = yosys_family(board)

    def run() -> None:
        groups = groups_of(read_design(folder / RTL), [layer.name for layer in estimated.layers])
        show = steps.runner.counter("layers", len(groups))
        netlists = synthesise(groups, folder / RTL, family, folder / WORK / "synthesis", show)
        shutil.rmtree(folder / SYNTHESIS, ignore_errors=True)
        (folder / SYNTHESIS).mkdir()
        layers = []
        for layer in estimated.layers:
            netlist = netlists[layer.name]
            shutil.copyfile(netlist.verilog, folder / SYNTHESIS / f"{layer.name}.v")
            before = {name: layer.finn[name] + layer.correction[name] for name in layer.finn}
            layers.append(
                LayerSynthesis(layer.name, resources_of(netlist.cells), before, netlist.cells, netlist.seconds)
            )
        Synthesis(
            kind=KIND,
            caveats=CAVEATS,
            tool=f"Yosys {yosys_version()} ({command(family)})",
            board=board.name,
            part=board.part,
            layers=tuple(layers),
            total={name: sum(layer.resources[name] for layer in layers) for name in RESOURCES},
            estimated=estimated.total,
        ).write(folder / SYNTHESIS_REPORT)

    steps.run(SYNTHESISE, run, reads=[RTL, ESTIMATE], made=[SYNTHESIS], inputs=[family, yosys_version()])
