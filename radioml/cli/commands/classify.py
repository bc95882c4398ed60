"""`radioml classify`: run an accelerator, or a network in software, on IQ frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from radioml.cli import app
from radioml.cli.console.accuracy import by_snr, headline, print_warnings
from radioml.cli.console.progress import frames_progress, identified
from radioml.cli.console.terminal import JsonOption, give, results
from radioml.cli.options.accelerator import (
    BackendOption,
    PartOption,
    ProcessesOption,
    ResultsOption,
    TargetOption,
)
from radioml.cli.options.network import NetworkArgument, runnable
from radioml.cli.options.topology import TopologyOption
from radioml.constants import FRAME_LENGTH
from radioml.errors import MismatchError
from radioml.run_directory import DEPLOY, SHIPPED_RUN, results_folder

if TYPE_CHECKING:
    from deploy.classify import Classification


@app.command(
    epilog="Examples: `radioml classify --data data/small.h5`; "
    "`radioml classify runs/demo/build/ZCU104/package.zip --data data/small.h5 --frames 624`.",
)
def classify(
    data: Annotated[
        Path, typer.Option(help="RadioML file (HDF5), real or from `radioml data synth`.", show_default=False)
    ],
    network: NetworkArgument = None,
    backend: BackendOption = None,
    frames: Annotated[
        int | None,
        typer.Option(min=1, help="Frames to classify, spread over all classes and SNRs. Default: all of the part."),
    ] = None,
    part: PartOption = "test",
    out: ResultsOption = None,
    processes: ProcessesOption = None,
    target: TargetOption = None,
    topology: TopologyOption = None,
    json: JsonOption = None,
) -> None:
    """Classify IQ frames with an accelerator, or a network in software: accuracy over the data, and throughput.

    A model or checkpoint needs no build: it runs in software, in the integers that its accelerator would compute. A
    package's accelerator is checked first: its integer logits on the package's golden frames must equal the trained
    network's. If they differ, the command says why, and the exit code is 1. Then frames are quantised as in training
    and streamed through. Ctrl-C keeps what was classified so far: frames come in an order that is balanced over classes
    and SNRs at any point. The exit code is also 1 if the accuracy differs from the network's accuracy after training by
    more than the numbers of frames explain.

    Writes accuracy.json, throughput.json, accuracy_over_snr.png and confusion_matrix.png.
    """
    from deploy.classify import classify as run
    from deploy.expectation import expectation
    from deploy.results import accuracy, throughput, write_results

    identified(data)
    with runnable(network, topology) as path, frames_progress() as progress:
        task = progress.add_task("classifying", total=None)
        result = run(
            path, data, backend, frames, part, processes,
            lambda done, total: progress.update(task, completed=done, total=total), target,
        )  # fmt: skip
    folder = out or (Path(SHIPPED_RUN, DEPLOY) if network is None else results_folder(network))
    write_results(result, folder)
    _print_result(result)
    results.print(f"written to {escape(str(folder))}", soft_wrap=True)
    give({"accuracy": accuracy(result).to_json(), "throughput": throughput(result).to_json()}, json)
    if result.problem:
        results.print(f"[bold red]stopped early:[/] {escape(result.problem)}", soft_wrap=True)
        raise typer.Exit(130 if result.interrupted else 2)
    expected = expectation(result)
    if not expected.met:
        raise MismatchError(expected.reason)


def _print_result(result: Classification) -> None:
    """The tables for the terminal."""
    from deploy.expectation import expectation
    from deploy.results import throughput
    from radioml.data.provenance import described

    metrics, speed = result.metrics, throughput(result)
    host, board = speed.host, speed.board
    table = Table.grid(padding=(0, 2))
    table.add_row("data", escape(f"{result.origin}, part {result.part}, {result.frames:,} frames"))
    table.add_row("trained on", escape(described(result.network.training_data)))
    if result.golden_frames:
        agreed = f"{result.golden_frames} of {result.golden_frames} equal to the trained network"
        table.add_row("golden frames", agreed)
    clipped = result.clipped_samples / (result.frames * FRAME_LENGTH * 2)
    table.add_row("clipped samples", f"{result.clipped_samples:,} ({clipped:.2%})")
    for what, figure in headline(metrics):
        table.add_row(what, figure)
    if not result.problem:
        table.add_row("against training", escape(expectation(result).reason))
    if len(result.unusable):
        where = ", ".join(map(str, result.unusable[:5]))
        table.add_row(
            "not classified", f"[yellow]{len(result.unusable):,} frames with NaN or infinite samples ({where} ...)[/]"
        )
    table.add_row("this host", f"{host.frames_per_second:,.1f} frames/s in {result.backend}")
    if board:
        cycles = f"{board.cycles_per_frame:,.1f} cycles a frame (counted in {board.counted_in})"
        table.add_row(
            escape(f"{board.board} (simulated)"),
            f"{board.frames_per_second:,.0f} frames/s: {cycles} at {board.clock_mhz:g} MHz; "
            f"latency {board.latency_microseconds:,.1f} µs",
        )
    results.print(by_snr(metrics))
    results.print(table)
    print_warnings(results, result.warnings)
