"""`radioml build` and `radioml simulate`: the accelerator, estimated or as simulated RTL."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

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
from radioml.run_directory import BITFILE_FOLDER, IMPLEMENTATION, SYNTHESIS_REPORT


class Until(str, Enum):
    """How far to build."""

    ESTIMATE = "estimate"
    RTL = "rtl"
    SYNTHESIS = "synthesis"
    BITFILE = "bitfile"


@app.command(
    epilog="Examples: `radioml build M --board ZCU104 --until estimate --fit`; then edit a PE or SIMD in the build "
    "folder's folding.json and `radioml build M --board ZCU104 --until estimate --folding FOLDER/folding.json`."
)
def build(
    model: Annotated[Path, typer.Argument(help="model.onnx of `radioml export`; golden.npz lies beside it.")],
    board: Annotated[str, typer.Option(help="A board of `radioml boards list`, e.g. ZCU104.")],
    until: Annotated[
        Until,
        typer.Option(
            help="estimate: costs only; rtl: HDL, FIFO sizes, simulator, package; synthesis: rtl, then Yosys' "
            "netlists and resources by layer; bitfile: rtl, then Vivado (Zynq) or Vitis (Alveo), which "
            "`radioml doctor bitfile` looks for."
        ),
    ] = Until.RTL,
    target_fps: Annotated[
        int | None, typer.Option(min=1, help="Fold for this many frames/s. Default: one I/Q sample a cycle.")
    ] = None,
    folding: Annotated[
        Path | None, typer.Option(help="Take the folding from this file, the folding.json of a build.")
    ] = None,
    fit: Annotated[bool, typer.Option("--fit", help="Fold as fast as the board's resources allow.")] = False,
    margin: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=90,
            help="With --fit: percent of each resource to leave unused. Default: 20, because the "
            "vendor's advice for a design that meets timing is to use no more than 80 % of RAMs and DSPs.",
        ),
    ] = None,
    hls_dma: Annotated[
        bool,
        typer.Option(
            "--hls-dma",
            help="With --until bitfile for a Zynq: FINN's DMA engines, which need Vitis HLS, instead of the project's "
            "own. An Alveo always gets FINN's.",
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Check whether the model can be built; print a line for each problem and build nothing."
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Build folder; default: RUN/build/BOARD, or build/BOARD beside the model.")
    ] = None,
    json: JsonOption = None,
) -> None:
    """Build an accelerator from a QONNX model with FINN; only the bitfile needs the vendor's tools.

    Folding is how many elements each layer takes a cycle (SIMD inputs, PE outputs): speed against resources. Choose it
    with one of --target-fps, --fit and --folding. The slowest layer sets the initiation interval, the cycles from frame
    to frame. The report names this layer and what keeps it from being faster.

    The build folder gets estimate.json and folding.json (in FINN's format). --until rtl adds the HDL, its simulator and
    package.zip. --until synthesis adds synthesis/: the netlist and the resources of each layer by Yosys, not Vivado.
    --until bitfile adds bitfile/: timing and utilisation as JSON, and package.zip for the board. The build fails if the
    design fails timing. A second run with the same inputs uses the results of the first.
    """
    from finn_build.boards import load_board
    from finn_build.build import build as run_build
    from finn_build.build import check as check_only
    from finn_build.estimate.table import estimate_table
    from finn_build.synthesis.table import synthesis_table
    from finn_build.verify.simulation_report import build_summary
    from radioml.contract.implementation import Implementation
    from radioml.contract.synthesis import Synthesis

    if check:
        check_only(model, load_board(board), until.value, hls_dma)
        results.print(f"{escape(str(model))}: can be built up to {until.value!r}", soft_wrap=True)
        return
    done = run_build(
        model,
        board,
        until.value,
        out,
        target_fps=target_fps,
        folding_file=folding,
        fit=fit,
        margin_percent=margin,
        hls_dma=hls_dma,
        console=notes,
    )
    results.print(estimate_table(done.estimate))
    if until is not Until.ESTIMATE:
        line = build_summary(done.folder, load_board(board).clock_mhz)
        results.print(line, soft_wrap=True)
    if until is Until.SYNTHESIS:
        synthesised = Synthesis.read(done.folder / SYNTHESIS_REPORT)
        results.print(synthesis_table(synthesised))
        results.print(synthesised.summary(), soft_wrap=True)
    if until is Until.BITFILE:
        implemented = Implementation.read(done.folder / BITFILE_FOLDER / IMPLEMENTATION)
        results.print(escape(implemented.summary()), soft_wrap=True)
    if done.reused:
        results.print(f"unchanged since the last build, used again: {', '.join(done.reused)}")
    results.print(f"written to {escape(str(done.folder))}", soft_wrap=True)
    give(done.estimate.to_json(), json)


@app.command(epilog="Example: radioml simulate runs/polyphase/build/ZCU104 --frames 624 --data data/synthetic.hdf5")
def simulate(
    folder: BuildArgument,
    frames: FramesOption = 78,
    data: FramesDataOption = None,
    checkpoint: CheckpointOption = None,
    seed: SeedOption = 0,
    topology: TopologyOption = None,
    json: JsonOption = None,
) -> None:
    """Stream frames through the RTL and compare every integer with the network's; exit code 1 on any difference.

    The network is the trained Brevitas network; for an imported network, the graph of its file.
    """
    from finn_build.verify.simulation_report import FrameLabels, report, report_table, simulate_build
    from radioml.cli.console.progress import frames_progress
    from radioml.cli.options.reference import network_of_build
    from radioml.constants import CLASSES
    from radioml.data.split import spread
    from radioml.data.synthetic import generate_spread

    run_code_of(topology)
    network = network_of_build(folder, checkpoint)
    chosen = spread(data, frames) if data else generate_spread(frames, seed)
    with frames_progress() as progress:
        bar = progress.add_task("RTL", total=len(chosen))
        manifest, run = simulate_build(folder, chosen.iq, lambda done: progress.update(bar, completed=done))
        bar = progress.add_task(network.name, total=len(chosen))
        expected = network.logits(chosen.iq, lambda done: progress.update(bar, completed=done))
    labels = FrameLabels(tuple(CLASSES[i] for i in chosen.class_index), tuple(int(snr) for snr in chosen.snr_db))
    name = f"test part of {data.name}" if data else f"synthetic, seed {seed}"
    result = report(folder, manifest, run, expected, labels, name, network.name)
    results.print(report_table(result))
    give(result.to_json(), json)
    if result.mismatching_frames:
        raise typer.Exit(1)
