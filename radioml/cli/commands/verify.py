"""`radioml verify`: the verification ladder, from the trained network to its RTL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from radioml.cli import app
from radioml.cli.console.terminal import JsonOption, give, notes, results
from radioml.cli.options.comparison import (
    BuildArgument,
    CheckpointOption,
    FramesDataOption,
    FramesOption,
    SeedOption,
)  # fmt: skip
from radioml.cli.options.topology import TopologyOption, run_code_of

if TYPE_CHECKING:
    from finn_build.verify.rung import RungResult


@app.command(epilog="Example: radioml verify runs/demo/build/ZCU104 --data data/demo.hdf5 --frames 312")
def verify(
    folder: BuildArgument,
    frames: FramesOption = 78,
    data: FramesDataOption = None,
    checkpoint: CheckpointOption = None,
    seed: SeedOption = 0,
    gates: Annotated[
        bool, typer.Option("--gates", help="Compare the netlists of `radioml build --until synthesis`, too.")
    ] = False,
    topology: TopologyOption = None,
    json: JsonOption = None,
) -> None:
    """Compare every stage of a build with the network, integer by integer, and name the first that differs.

    The network is the trained Brevitas network; for an imported network, the graph of its file.

    The rungs of the ladder are the QONNX network, the graph after each step of the build, and the RTL in Verilator.
    FINN's layers run as their Python models. The RTL runs back to back, with gaps between words, with gaps between
    frames, and with random stalls on both streams. --gates adds the Yosys netlist of the vendor's primitives. It
    includes FINN's DSP48 branch, which the RTL simulation replaces by a model. Each rung compares the levels of every
    activation and the logits. The report is verify.json in the build folder; the exit code is 1 on any difference.
    """
    from finn_build.verify.ladder import climb
    from radioml.cli.console.progress import identified
    from radioml.cli.options.reference import network_of_build
    from radioml.data.provenance import origin
    from radioml.data.split import spread
    from radioml.data.synthetic import generate_spread
    from radioml.run_directory import VERIFY

    run_code_of(topology)
    network = network_of_build(folder, checkpoint)
    if data:
        identified(data)
    chosen = spread(data, frames) if data else generate_spread(frames, seed)
    name = f"test part of {origin(data)}" if data else f"synthetic data (seed {seed})"
    with notes.status(network.name):
        reference = network.levels(chosen.iq)
    results.print(f"{len(chosen):,} frames, {escape(name)}; each rung against {network.name}", soft_wrap=True)
    report = climb(folder, chosen, reference, name, lambda result: _print_rung(result), gates)
    if not report.rtl:
        results.print("RTL: not built; `radioml build ... --until rtl` adds its rungs")
    wrong = report.first_wrong
    if wrong is None:
        results.print(f"[green]all {len(report.rungs)} rungs give the network's integers[/]")
    else:
        results.print(f"[red]first rung that differs: {escape(wrong.name)}[/]")
        results.print(escape(wrong.finding), soft_wrap=True)
    results.print(f"written to {escape(str(folder / VERIFY))}", soft_wrap=True)
    give(report.to_json(), json)
    if wrong is not None:
        raise typer.Exit(1)


def _print_rung(result: RungResult) -> None:
    if result.equal:
        verdict = "[green]equal[/]"
        if result.rounded:
            verdict += f" but for {result.rounded} levels that FINN's rounding explains and a later step mends"
        if len(result.compared) < result.layers:
            verdict += f", in {len(result.compared)} of {result.layers} layers"
    elif result.problem:
        verdict = "[red]failed[/]"
    else:
        verdict = f"[red]{len(result.mismatching):,} frames differ[/]"
    results.print(f"  {result.name:<36} {result.kind:<26} {result.seconds:6.1f} s  {verdict}", soft_wrap=True)
