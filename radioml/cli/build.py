"""`radioml build` and `radioml simulate`: the accelerator, estimated or as simulated RTL."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from radioml.cli import app


class Until(str, Enum):
    """How far to build."""

    ESTIMATE = "estimate"
    RTL = "rtl"


@app.command()
def build(
    model: Annotated[Path, typer.Argument(help="model.onnx of `radioml export`, with golden.npz beside it.")],
    board: Annotated[str, typer.Option(help="A board of boards/, e.g. ZCU104.")],
    until: Annotated[Until, typer.Option(help="estimate: costs only; rtl: HDL, FIFO sizes, simulator, package.")],
    target_fps: Annotated[
        int | None, typer.Option(min=1, help="Frames/s to fold for; default: one I/Q sample a cycle (clock / 1024).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Build folder; default: <run>/build/<board>, or build/<board> beside the model.")
    ] = None,
) -> None:
    """Build an accelerator from a QONNX model with FINN, without the vendor's tools.

    A second run with the same inputs uses what is there.
    """
    from finn_build.build import build as run_build
    from finn_build.estimate import estimate_table

    # The stream is named, because FINN's steps run with their output redirected to a log.
    done = run_build(model, board, until.value, out, target_fps, Console(file=sys.stderr))
    console = Console()
    console.print(estimate_table(done.estimate))
    if done.reused:
        console.print(f"unchanged since the last build, used again: {', '.join(done.reused)}")
    console.print(f"written to {done.folder}", soft_wrap=True, highlight=False)


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(metavar="BUILD", help="Build folder that `radioml build` made.")],
    frames: Annotated[int, typer.Option(min=2, help="Number of frames, spread over all classes and SNRs.")],
    data: Annotated[
        Path | None, typer.Option(help="RadioML HDF5 file (its test part is used); default: synthetic frames.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="The network to compare with; default: train/checkpoint.pth of the run.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic frames.")] = 0,
) -> None:
    """Stream frames through the RTL and compare every integer with Brevitas; exit code 1 on any difference."""
    from finn_build.record import checkpoint_of
    from finn_build.simulation_report import FrameLabels, report, report_table, simulate_build
    from radioml.cli.progress import frames_progress
    from radioml.constants import CLASSES
    from radioml.split import spread
    from radioml.synthetic import generate_spread
    from training.reference import integer_logits

    checkpoint = checkpoint_of(folder, checkpoint)
    chosen = spread(data, frames) if data else generate_spread(frames, seed)
    with frames_progress() as progress:
        bar = progress.add_task("RTL", total=len(chosen))
        manifest, run = simulate_build(folder, chosen.iq, lambda done: progress.update(bar, completed=done))
        bar = progress.add_task("Brevitas", total=len(chosen))
        expected = integer_logits(checkpoint, chosen.iq, lambda done: progress.update(bar, completed=done))
    labels = FrameLabels(tuple(CLASSES[i] for i in chosen.class_index), tuple(int(snr) for snr in chosen.snr_db))
    name = f"test part of {data.name}" if data else f"synthetic, seed {seed}"
    result = report(folder, manifest, run, expected, labels, name)
    Console().print(report_table(result))
    if result["mismatching_frames"]:
        raise typer.Exit(1)
