"""`radioml train`, `export` and `score`: the workstation's commands."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from radioml.cli import app
from radioml.cli.console.terminal import STANDARD_OUTPUT, JsonOption, give, notes, results, set_quiet
from radioml.cli.options.topology import TopologyOption, own_code_option, run_code_of
from radioml.progress import WorkProgress
from radioml.reading.records import values
from radioml.run_directory import CHECKPOINT, SCORE, TRAIN

CheckpointArgument = Annotated[Path, typer.Argument(help="A checkpoint.pth, or weights of the challenge's sandbox.")]


@app.command(
    epilog="Examples: `radioml train polyphase --data data/synthetic.hdf5`; "
    "`radioml train my.yaml --data FILE --run runs/mine --set training.epochs=2`."
)
def train(
    config: Annotated[str, typer.Argument(help="An experiment file, or the name of a shipped one, e.g. polyphase.")],
    data: Annotated[Path, typer.Option(help="RadioML HDF5 file, real or from `radioml data synth`.")],
    run: Annotated[
        Path | None, typer.Option(help="Run directory; default: runs/NAME, with the experiment's name.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a value of the experiment, e.g. --set training.epochs=2; repeatable."),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Train a network on the fixed split and measure it on the test part.

    The run directory gets config.yaml, train/checkpoint.pth, train/metrics.json, plots and a TensorBoard log. The same
    command continues an interrupted run and leaves a finished one as it is.

    An experiment file is YAML with name, topology, parameters, and the sections training, augmentation, averaging,
    distillation and pruning. `radioml models list` names topologies and shipped experiments; `radioml init` writes a
    file to begin with. The topology may be a class of your own, FILE.py:CLASS, in a file beside the experiment's; its
    code is run.

    Several GPUs or hosts: `torchrun --nproc-per-node N -m -- radioml train CONFIG --data FILE`. The processes share
    each batch of training.batch_size frames equally, and the result is that of one process.
    """
    from radioml.data.dataset import read_layout
    from training.experiments.experiment import load_experiment

    experiment = load_experiment(config, changes or ())
    read_layout(data)  # tells a mistake in either before torch is loaded, which takes seconds
    from training.loop.distributed import rank
    from training.loop.fitted_front_end import with_fitted_front_end
    from training.loop.teacher_first import with_trained_teacher
    from training.loop.train import train as run_training
    from training.models import create, is_own

    if rank() > 0:
        set_quiet(True)
    if not is_own(experiment.topology):
        create(experiment.topology, experiment.parameters)  # tells a mistake before a run or its teacher begins
    run = run or Path("runs", experiment.name)
    try:
        experiment = with_fitted_front_end(experiment, data, results)
        experiment = with_trained_teacher(experiment, data, run, results)
        trained = run_training(experiment, data, run, results)
    except KeyboardInterrupt:
        notes.print(f"interrupted; the same command continues the run in {escape(str(run))}", soft_wrap=True)
        raise typer.Exit(130) from None
    measured = trained.accuracy
    low, high = measured.interval_95 or (0.0, 1.0)
    results.print(
        f"accuracy {measured.overall:.2%} (95 % interval {low:.2%} to {high:.2%}) over {measured.scope_and_top}, on "
        f"{measured.frames:,} frames: {escape(measured.data or '')}\n"
        f"written to {escape(str(run / 'train'))}",
        soft_wrap=True,
    )
    give(values(measured), json if rank() == 0 else None)
    checkpoint = run / TRAIN / CHECKPOINT
    code = own_code_option(experiment.topology)
    export_it = shlex.join(["radioml", "export", str(checkpoint), "--run", str(run), *code])
    results.print(f"next, for `radioml score` and `build`: {escape(export_it)}", soft_wrap=True)


@app.command(epilog="Example: radioml export runs/polyphase/train/checkpoint.pth --run runs/polyphase")
def export(
    checkpoint: CheckpointArgument,
    run: Annotated[Path, typer.Option(help="Run directory; the model goes to its train/ folder.")],
    topology: TopologyOption = None,
) -> None:
    """Write a checkpoint as QONNX, after comparing it frame by frame with the Brevitas network.

    RUN/train gets model.onnx (with classes, quantiser, accuracy and origin in its metadata), golden.npz (frames with
    the integer logits that every later stage must give) and checkpoint.pth.
    """
    from training.trained.export import export as export_checkpoint

    run_code_of(topology)
    with WorkProgress(console=notes) as progress:
        task = progress.add_task("comparing QONNX with Brevitas")
        path = export_checkpoint(
            checkpoint, run / TRAIN, topology, lambda done, total: progress.update(task, completed=done, total=total)
        )
        frames = int(progress.tasks[task].completed)
    results.print(f"{escape(str(path))}: {frames} of {frames} frames integer-equal to Brevitas", soft_wrap=True)


@app.command(epilog="Example: radioml score runs/polyphase/train/model.onnx")
def score(
    model: Annotated[Path, typer.Argument(help="A QONNX model, ours or another's, with input (1, 2, 1024).")],
    json: JsonOption = None,
) -> None:
    """Compute the challenge's inference cost and score, layer by layer.

    score = 0.5 x bit operations / 807,699,904 + 0.5 x weight bits / 1,244,936; the VGG10 baseline has 1, lower is
    better. Operations that the official cost function does not know are named, and the exit code is 1.

    The conservative score also bills what a network can hide from the official function. An unsigned weight is billed
    one bit wider, because the choice between an input and its negative is the weight's sign. Fixed filters of constants
    and pools are billed as convolutions, other fixed sums at 2 bits a term. The strictest score bills every fixed
    linear combination at the widths of its weights.
    """
    from radioml.files import refuse_inputs
    from training.cost.score import counted, score_model

    if json not in (None, STANDARD_OUTPUT):
        refuse_inputs([Path(json)], [model])
    result = score_model(model)
    table = Table(title=f"inference cost of {escape(str(model))}")
    table.add_column("layer")
    for name in ("input x weight", "MACs", "bit operations", "bits of weights"):
        table.add_column(name, justify="right")
    for layer in result.layers:
        widths = f"{layer.input_bits} x {layer.weight_bits} bit"
        table.add_row(
            escape(layer.layer), widths, f"{layer.macs:,.0f}", f"{layer.bit_ops:,.0f}", f"{layer.bit_mem:,.0f}"
        )
    macs = sum(layer.macs for layer in result.layers)
    table.add_section()
    table.add_row("all", "", f"{macs:,.0f}", f"{result.bit_ops:,}", f"{result.bit_mem:,}", style="bold")
    results.print(table)
    results.print(f"zero weights are discounted; free by the rules: {escape(counted(result.zero_cost))}")
    if model.parent.name == TRAIN:
        result.write(model.with_name(SCORE))
    give(result.to_json(), json)
    if result.unsupported:
        unknown = escape(counted(result.unsupported))
        results.print(f"[bold red]no valid score[/]: the cost function does not know {unknown}")
        raise typer.Exit(1)
    for item in result.fixed_filters:
        what = f"{item.outputs:,} weighted sums of up to {item.terms} terms"
        results.print(f"fixed filter {escape(item.tensor)}: {what}, {item.bit_ops:,} bit operations", soft_wrap=True)
    results.print(f"score [bold]{result.score:.6f}[/] (VGG10 W8A8 baseline: 1)")
    what = "signed weights at their signed width, filters as convolutions, other fixed sums at 2 bits"
    results.print(f"conservative score [bold]{result.conservative:.6f}[/] ({what})")
    results.print(f"strictest score [bold]{result.strictest:.6f}[/] (every fixed linear combination at its widths)")
