"""`radioml bench`: the speed of an accelerator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from radioml.cli import app
from radioml.cli.console.terminal import JsonOption, give, notes, results
from radioml.cli.options.accelerator import BackendOption, PackageArgument, ProcessesOption, ResultsOption, TargetOption
from radioml.errors import RadioMLError
from radioml.run_directory import results_folder

if TYPE_CHECKING:
    from deploy.bench import Benchmark
    from radioml.contract.speed import BenchReport


@app.command(
    epilog="Example: radioml bench package.zip --backend pynq --batches 1,256 --target 192.168.2.99",
)
def bench(
    package: PackageArgument,
    backend: BackendOption = None,
    batches: Annotated[str, typer.Option(help="Batch sizes in frames, separated by commas.")] = "1,16,64,256,1024",
    seconds: Annotated[
        float, typer.Option(min=0.01, help="Seconds for each batch size; each runs at least once.")
    ] = 2.0,
    out: ResultsOption = None,
    processes: ProcessesOption = None,
    target: TargetOption = None,
    json: JsonOption = None,
) -> None:
    """Measure throughput and latency of an accelerator, and where the time goes.

    The golden frames come first, as in `radioml classify`. Then synthetic frames run in batches of each size, one after
    the other, and once streaming. The clock is read back from a board. Ctrl-C keeps what was measured so far. The
    rate at the board's clock, computed from counted cycles, is given as well; it is not a measurement.

    Writes bench.json and bench.png.
    """
    from deploy.bench import bench as run
    from deploy.bench_results import benchmark, write_benchmark

    try:
        sizes = [int(size) for size in batches.split(",")]
    except ValueError as error:
        raise RadioMLError(f"--batches {batches}: give whole numbers separated by commas, e.g. 1,64") from error
    with notes.status("synthesising frames") as status:
        show = status.update if notes.is_terminal else notes.print  # a log shows no status
        result = run(package, backend or "simulation", sizes, seconds, processes, target, show)
    folder = out or results_folder(package)
    write_benchmark(result, folder)
    report = benchmark(result)
    _print(report, result)
    results.print(f"written to {escape(str(folder))}", soft_wrap=True)
    give(report.to_json(), json)
    if result.problem:
        results.print(f"[bold red]stopped early:[/] {escape(result.problem)}", soft_wrap=True)
        raise typer.Exit(130 if result.interrupted else 2)


def _print(report: BenchReport, result: Benchmark) -> None:
    """The tables for the terminal."""
    parts = [name for name, seconds in report.batches[0].parts_seconds.items() if seconds is not None]
    sweep = Table(box=None, padding=(0, 1, 0, 0))
    for heading in ("frames", "repeats", "frames/s", *parts):
        sweep.add_column(heading, justify="right", no_wrap=True)
    for batch in report.batches:
        seconds = (batch.parts_seconds[name] for name in parts)
        microseconds = ("-" if value is None else f"{1e6 * value / batch.frames:,.1f}" for value in seconds)
        sweep.add_row(f"{batch.frames:,}", f"{batch.repeats:,}", f"{batch.frames_per_second:,.0f}", *microseconds)
    results.print(f"{escape(report.figures)}; parts in µs a frame")
    results.print(sweep)
    one, streaming, counted = report.latency_of_one_frame, report.streaming, report.at_the_clock
    table = Table.grid(padding=(0, 2))
    table.add_row("golden frames", f"{result.golden_frames} of {result.golden_frames} equal to the trained network")
    late = one.quantile_99_seconds
    end = f"maximum {1e3 * one.maximum_seconds:,.3f} ms" if late is None else f"99 % {1e3 * late:,.3f} ms"
    table.add_row("one frame", f"median {1e3 * one.median_seconds:,.3f} ms, {end}, of {one.repeats:,}")
    if streaming.frames_per_second:
        table.add_row("streaming", f"{streaming.frames_per_second:,.0f} frames/s in batches of {streaming.batch:,}")
    if result.clock_mhz is not None:
        differs = "" if result.clock_agrees else f"; [bold red]the package is for {result.manifest.clock_mhz:g} MHz[/]"
        table.add_row("clock", f"{result.clock_mhz:g} MHz read back{differs}")
    table.add_row(
        escape(f"{counted.board} (counted)"),
        f"{counted.frames_per_second:,.0f} frames/s: {counted.cycles_per_frame:,.1f} cycles a frame (counted in "
        f"{counted.counted_in}) at {counted.clock_mhz:g} MHz; not measured",
    )
    results.print(table)
