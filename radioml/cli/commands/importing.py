"""`radioml import`: a network that others made becomes a run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from radioml.cli import app
from radioml.cli.console.terminal import notes, results
from radioml.progress import WorkProgress
from radioml.run_directory import TRAIN


@app.command(
    name="import",
    epilog="Example: radioml import theirs.onnx --run runs/theirs --classes standard",
)
def import_network(
    model: Annotated[Path, typer.Argument(help="An ONNX file with a quantised network.", show_default=False)],
    run: Annotated[Path, typer.Option(help="Run directory; the model goes to its train/ folder.", show_default=False)],
    classes: Annotated[
        str | None,
        typer.Option(
            help="Classes in the order of the logits: `standard` for the order of RadioML's labels, "
            "a file with a list of names, or the names, separated by commas."
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Name of the output with the logits, where the file has several.")
    ] = None,
    input_bits: Annotated[
        int | None,
        typer.Option(min=2, max=8, help="Bits of a quantised sample, where the file has no input quantiser."),
    ] = None,
    input_scale: Annotated[
        float | None,
        typer.Option(
            help="Value of one step of a quantised sample, e.g. 0.015625 for 8 bits from -2 to 2; see --input-bits."
        ),
    ] = None,
    round_bias: Annotated[
        bool,
        typer.Option("--round-bias", help="Round the last layer's bias to multiples of the logit scale."),
    ] = False,
) -> None:
    """Import a network that others made, to score, evaluate, build, verify and package it.

    Reads QONNX with quantisers of any domain, QCDQ (QuantizeLinear and DequantizeLinear) and the files that Brevitas
    exported for FINN, of opset 9 and later. RUN/train gets the file itself (imported.onnx), its network in QONNX
    (model.onnx) and golden frames. Their integer logits come from the file's own graph, computed node by node and frame
    by frame in double precision. The message has a line for each part that cannot be imported.
    """
    from radioml.contract.metadata import ImportOptions
    from radioml.foreign.into_run import import_model

    options = ImportOptions(output, input_bits, input_scale, round_bias)
    with WorkProgress(console=notes, transient=True) as progress:
        task = progress.add_task("the file's own graph")
        done = import_model(
            model, run / TRAIN, classes, options,
            lambda frames, total: progress.update(task, completed=frames, total=total),
        )  # fmt: skip
    for remark in done.network.remarks:
        results.print(f"[yellow]{escape(remark)}[/]", soft_wrap=True)
    quantiser, step = done.network.quantiser, done.network.logit_scale
    results.print(
        f"{escape(str(done.model))}: {done.frames} of {done.frames} frames integer-equal to the file's own graph; "
        f"input {quantiser.bits} bits with steps of {quantiser.scale:g}, logits in steps of {step:g}",
        soft_wrap=True,
    )
    share = (
        f"right in {done.right:,} of {done.tried:,} synthetic frames of +10 dB and more ({done.right / done.tried:.0%})"
    )
    if done.doubtful:
        results.print(
            f"[bold yellow]{share}: hardly better than guessing.[/] Check the order of the classes, the order of "
            "I and Q, and the scale of the samples.",
            soft_wrap=True,
        )
    else:
        results.print(share, soft_wrap=True)
    score = shlex.join(["radioml", "score", str(done.model)])
    results.print(f"next: {escape(score)}, or `radioml build`", soft_wrap=True)
