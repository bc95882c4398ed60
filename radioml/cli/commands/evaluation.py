"""`radioml evaluate` and `compare`: how good a network is, and which of several is the best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.columns import Columns
from rich.markup import escape
from rich.table import Table

from radioml.cli import app
from radioml.cli.console.accuracy import by_snr, headline, print_warnings, proportions
from radioml.cli.console.progress import frames_progress, identified
from radioml.cli.console.terminal import JsonOption, give, notes, results
from radioml.cli.options.accelerator import Backend, PartOption
from radioml.cli.options.network import NetworkArgument
from radioml.cli.options.topology import TopologyOption, run_code_of
from radioml.constants import SNRS_DB
from radioml.errors import RadioMLError
from radioml.progress import WorkProgress
from radioml.run_directory import EVALUATION, SHIPPED_RUN, run_of
from radioml.shipped import NETWORK

if TYPE_CHECKING:
    from radioml.report.evaluation import Evaluation


@app.command(epilog="Example: radioml evaluate runs/polyphase/train/checkpoint.pth --data data/synthetic.hdf5")
def evaluate(
    data: Annotated[
        Path, typer.Option(help="RadioML file (HDF5), real or from `radioml data synth`.", show_default=False)
    ],
    what: NetworkArgument = None,
    part: PartOption = "test",
    snr: Annotated[
        list[int], typer.Option(help="SNR label (dB) of a confusion matrix to draw; repeatable.", show_default=True)
    ] = [0, 10, 30],  # noqa: B006  (typer reads it, nothing changes it)
    frames: Annotated[
        int | None,
        typer.Option(min=1, help="Frames to evaluate, spread over all classes and SNRs. Default: all of the part."),
    ] = None,
    backend: Annotated[
        Backend | None,
        typer.Option(help="Backend of a build, as in `radioml classify`; default: `simulation`, its RTL."),
    ] = None,
    topology: TopologyOption = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; default: RUN/evaluation/WHAT-PART.")] = None,
    json: JsonOption = None,
) -> None:
    """Measure accuracy overall, by SNR and by class, with 95 % confidence intervals, and draw confusion matrices.

    Checkpoints and QONNX models are computed in exact integers, as the accelerator computes: the three agree on every
    frame. (The figures that `radioml train` prints are in single precision and may differ in a few of a thousand
    frames.) The result names the data and its part, and says if frames were seen in training. Frames with NaN or
    infinite samples are left out and counted. Ctrl-C, or a file or accelerator that fails, keeps what was evaluated so
    far.

    Writes evaluation.json and plots, each with its numbers as JSON.
    """
    from radioml.report.evaluation import write_evaluation

    if off_grid := sorted(set(snr) - set(SNRS_DB)):
        raise RadioMLError(f"--snr {off_grid[0]}: SNR labels are the even numbers from {SNRS_DB[0]} to {SNRS_DB[-1]}")
    what, shipped = (NETWORK, True) if what is None else (what, False)
    is_build = what.is_dir() or what.suffix == ".zip"
    if backend is not None and not is_build:
        raise RadioMLError(f"--backend is for builds; {what} is a network without a build")
    if topology is not None and (is_build or what.suffix == ".onnx"):
        raise RadioMLError(f"--topology is for checkpoints; {what} names its topology itself")
    run_code_of(topology)
    identified(data)
    with frames_progress() as bar:
        task = bar.add_task("evaluating", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if is_build:
            result = _evaluate_build(what, data, backend or "simulation", part, frames, progress)
        else:
            from training.trained.evaluate import evaluate as run

            result = run(what, data, part, frames, topology, progress)
    run_directory = Path(SHIPPED_RUN) if shipped else run_of(what) or _beside(what)
    folder = out or run_directory / EVALUATION / f"{result.subject}-{result.part}"
    write_evaluation(result, folder, snr)
    _print_evaluation(result)
    results.print(f"written to {escape(str(folder))}", soft_wrap=True)
    give(result.report.to_json(), json)
    if result.problem:
        seen = f"{result.frames + result.unusable:,} of {result.requested:,} frames"
        results.print(f"[bold red]stopped early after {seen}:[/] {escape(result.problem)}", soft_wrap=True)
        raise typer.Exit(130 if result.interrupted else 2)


@app.command(name="compare", epilog="Example: radioml compare runs/polyphase runs/bacalhaunet --out runs/compare")
def compare_runs(
    runs: Annotated[list[Path], typer.Argument(help="Run directories whose training has ended.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder of the table and the plot.")] = Path("runs/compare"),
    topology: Annotated[
        list[str] | None,
        typer.Option(help="FILE.py:CLASS of a run that was trained with your own network; repeatable."),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Compare trained runs: cost, accuracy, and which are on the Pareto front, beside the published entries.

    A run's accuracy is its measurement over the most frames, by `radioml train` or `radioml evaluate`. Evaluate all
    runs on one file before comparing them. A run's scores are those of its QONNX model. A run whose model is missing or
    of an older checkpoint is exported, as by `radioml export`. Runs tested on different data have fronts of their own.
    Published accuracies are of the real data set and are on no front.

    Writes comparison.html (the page), comparison.md (the table), comparison.json, and tradeoff.png with its numbers.
    """
    from radioml.report.page.render import write_page
    from radioml.report.page.run_content import read_run
    from radioml.report.page.run_page import comparison_page
    from training.challenge.compare import compare, groups, published_points, remarks, rows, write_comparison

    for code in topology or ():
        run_code_of(code)
    with WorkProgress(console=notes, transient=True) as bar:
        task = bar.add_task("exporting and scoring", total=len(runs))
        entries = compare(runs, lambda done, total: bar.update(task, completed=done))
    write_comparison(entries, out)
    write_page(comparison_page([read_run(run) for run in runs], published_points()), out / "comparison.html")
    results.print(_comparison(rows(entries), results.width))
    for note in remarks(entries):
        results.print(escape(note))
    if len(tested := groups(entries)) > 1:
        results.print(
            f"[bold yellow]tested on {len(tested)} different sets of data:[/] accuracies compare only within one; "
            "`radioml evaluate` measures a network on another",
        )
    results.print(f"written to {escape(str(out))}", soft_wrap=True)
    give([asdict(entry) for entry in entries], json)


def _evaluate_build(
    what: Path, data: Path, backend: str, part: str, frames: int | None, progress: Callable[[int, int], object]
) -> Evaluation:
    """Let the driver classify, as `radioml classify` does."""
    from deploy.classify import classify
    from radioml.report.evaluation import Evaluation

    result = classify(what, data, backend, frames, part, None, progress)
    assert result.manifest is not None  # of a package
    board = result.manifest.board
    arithmetic = f"the accelerator for {board}, backend {backend}"
    return Evaluation(
        f"{board}-{backend}", arithmetic, result.origin, part, result.requested, result.metrics,
        result.network.training_data, result.seconds, len(result.unusable), result.problem, result.warnings,
    )  # fmt: skip


def _beside(what: Path) -> Path:
    return (what if what.is_dir() else what.parent).resolve()


def _print_evaluation(result: Evaluation) -> None:
    """The tables for the terminal."""
    from radioml.data.provenance import described

    metrics = result.metrics
    results.print(Columns([by_snr(metrics), proportions("class", metrics.per_class)]))
    table = Table.grid(padding=(0, 2))
    table.add_row("computed by", escape(result.arithmetic))
    table.add_row("data", escape(f"{result.data}, {result.frames:,} frames"))
    table.add_row("trained on", escape(described(result.training_data)))
    for what, figure in headline(metrics):
        table.add_row(what, figure)
    if result.unusable:
        table.add_row("left out", f"[yellow]{result.unusable:,} frames with NaN or infinite samples[/]")
    table.add_row("speed", f"{result.frames / result.seconds:,.0f} frames/s on this host")
    results.print(table)
    print_warnings(results, result.warnings)
    if result.caution:
        results.print(f"[bold yellow]perhaps not an accuracy on unseen frames:[/] {escape(result.caution)}")


def _comparison(cells: list[tuple[str, ...]], width: int) -> Table:
    """The comparison; on a narrow terminal without intervals and the parts of scores, which the written table has."""
    from training.challenge.compare import COLUMNS

    details = ("topology", "bits", "parameters", "bit operations", "bits of weights") if width < 160 else ()
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    shown = [column for column, name in enumerate(COLUMNS) if name not in details]
    for column in shown:
        name = COLUMNS[column]
        left = name in ("run", "topology", "bits", "data")
        table.add_column(name, justify="left" if left else "right", no_wrap=name in ("run", "bits"))
    for row in cells:
        texts = [cell.split("% (")[0] + "%" * ("% (" in cell) for cell in row] if details else row
        table.add_row(*(escape(texts[column]) for column in shown))
    return table
