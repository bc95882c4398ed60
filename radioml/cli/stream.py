"""`radioml stream`: classify recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from radioml.cli import app
from radioml.cli.accelerator_options import BackendOption, PackageArgument, ProcessesOption, TargetOption

if TYPE_CHECKING:
    from deploy.stream import Summary


@app.command(
    epilog="Example: radioml stream package.zip capture.sigmf-meta --frames-overlap 512 --out classes.jsonl; "
    "rx_sdr ... - | radioml stream package.zip - --format cs16",
)
def stream(
    package: PackageArgument,
    source: Annotated[
        str,
        typer.Argument(
            help="SigMF recording (.sigmf-meta), raw samples (.cf32, .cs16, .cs8), NumPy array (.npy), RadioML file "
            "(.hdf5), or - for raw samples from the standard input.",
            show_default=False,
        ),
    ],
    format: Annotated[
        Literal["cf32", "cs16", "cs8"] | None,
        typer.Option(help="What raw samples are, where the name does not say."),
    ] = None,
    frames_overlap: Annotated[
        int, typer.Option(min=0, max=1023, help="Samples that a frame of a recording shares with the one before.")
    ] = 0,
    normalise: Annotated[
        bool | None,
        typer.Option(
            "--normalise/--as-is",
            help="Divide every frame by the standard deviation of its samples, as RadioML's frames were; default for "
            "samples, but not for whole frames (arrays (N, 1024, 2), RadioML files).",
        ),
    ] = None,
    backend: BackendOption = "simulation",
    out: Annotated[
        str | None,
        typer.Option(help="Results, one row a frame: FILE.jsonl, FILE.csv, or - (JSON lines on the standard output)."),
    ] = None,
    processes: ProcessesOption = None,
    target: TargetOption = None,
) -> None:
    """Classify the frames of a recording, or of a live stream, with an accelerator.

    The next frames are read and quantised, as the network was trained, while the accelerator works. A table of what was
    heard is shown as it goes. Frames with NaN get no class; they, clipped values and samples that fill no frame are
    counted. When a source fails, or on Ctrl-C, the results so far are kept. FILE.summary.json tells the counts and what
    ended the run early.
    """
    from deploy.recordings import open_source
    from deploy.stream import row_writer, write_report
    from deploy.stream import stream as run
    from radioml.files import refuse_inputs

    console = Console(stderr=True, highlight=False)
    if out not in (None, "-"):
        refuse_inputs([Path(out)], [package, Path(source)])
    opened = open_source(source, format, frames_overlap, normalise)
    with row_writer(out) as write, Live(console=console, auto_refresh=False, transient=True) as live:
        summary = run(
            package, opened, backend, processes, write,
            lambda summary: live.update(_table(summary, opened.frames), refresh=True), target,
        )  # fmt: skip
    write_report(summary, opened, out)
    console.print(_table(summary, opened.frames))
    if opened.left_over:
        console.print(f"{escape(opened.left_over)} at the end of {escape(opened.name)} fill no frame: left out")
    if summary.unusable:
        console.print(f"[yellow]{summary.unusable:,} frames have NaN or infinite samples: not classified[/]")
    if summary.problem:
        console.print(
            f"[bold red]stopped after {summary.frames:,} frames:[/] {escape(summary.problem)}", soft_wrap=True
        )
        raise typer.Exit(130 if summary.interrupted else 2)


def _table(summary: Summary, frames: int | None) -> Table:
    values = 2 * 1024 * max(summary.frames, 1)
    speed = f"{summary.frames / summary.seconds:,.0f} frames/s" if summary.seconds else ""
    of = f" of {frames:,}" if frames is not None else ""
    table = Table(
        title=f"{summary.frames:,}{of} frames",
        caption=f"{speed}; {summary.clipped / values:.2%} of values clipped",
        min_width=50,
    )
    table.add_column("class")
    table.add_column("frames", justify="right")
    table.add_column("share", justify="right")
    for name, count in sorted(summary.counts.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{count:,}", f"{count / summary.frames:.1%}")
    return table
