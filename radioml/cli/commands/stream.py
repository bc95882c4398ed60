"""`radioml stream`: classify recordings."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from radioml.cli import app
from radioml.cli.console.accuracy import print_warnings
from radioml.cli.console.terminal import STANDARD_OUTPUT, JsonOption, give, notes
from radioml.cli.options.accelerator import BackendOption, ProcessesOption, TargetOption
from radioml.cli.options.network import runnable
from radioml.cli.options.topology import TopologyOption
from radioml.constants import FRAME_LENGTH
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from deploy.stream import Summary


@app.command(
    epilog="Examples: `radioml stream capture.sigmf-meta`; "
    "`radioml stream package.zip capture.sigmf-meta --frames-overlap 512 --out classes.jsonl`; "
    "`rtl_sdr -f 433.92M -s 1M - | radioml stream package.zip - --format cu8 --dc-block --out -`; "
    "`radioml stream package.zip gqrx_20250101_120000_433920000_1800000_fc.raw --offset-hz 25000 --resample 9600`."
)
def stream(
    network_and_source: Annotated[
        list[str],
        typer.Argument(
            metavar="[NETWORK] SOURCE",
            help="NETWORK: as in `radioml classify`; default: the shipped network. SOURCE: SigMF recording "
            "(.sigmf-meta, .sigmf-data, .sigmf), WAV file of I and Q, raw samples (.cfile, .cf32, .cs16, .cu8, .iq, "
            ".raw ...), NumPy array (.npy), RadioML file (.hdf5), or - for raw samples from the standard input.",
            show_default=False,
        ),
    ],
    format: Annotated[
        str | None,
        typer.Option(
            help="Format of raw samples, where the file name has none: cu8, cs8, cs16, cs32, cf16, cf32, cf64 ..., "
            "big-endian ones with the suffix _be."
        ),
    ] = None,
    sample_rate: Annotated[
        float | None, typer.Option(help="Sample rate in Hz, where the recording has none.", show_default=False)
    ] = None,
    offset_hz: Annotated[
        float | None, typer.Option(help="Frequency of the signal above the centre, in Hz; the signal is moved to 0.")
    ] = None,
    resample: Annotated[
        float | None,
        typer.Option(
            metavar="SYMBOLS/S",
            help="Symbol rate of the signal in Hz; samples are resampled to 8 a symbol, as in RadioML.",
        ),
    ] = None,
    frames_overlap: Annotated[
        int,
        typer.Option(min=0, max=FRAME_LENGTH - 1, help="Samples that consecutive frames of a recording share."),
    ] = 0,
    dc_block: Annotated[
        bool,
        typer.Option("--dc-block", help="Remove a receiver's DC offset: the mean of a frame and the 63 before it."),
    ] = False,
    normalise: Annotated[
        bool | None,
        typer.Option(
            "--normalise/--as-is",
            help="Divide every frame by the standard deviation of its samples, as RadioML's frames were; default for "
            "samples, but not for whole frames (arrays (N, 1024, 2), RadioML files).",
        ),
    ] = None,
    channel: Annotated[
        int | None, typer.Option(min=0, help="Channel of a SigMF recording with several, counted from 0.")
    ] = None,
    recording: Annotated[str | None, typer.Option(help="Name of a recording in a SigMF archive with several.")] = None,
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Give no class to frames with a lower confidence.")
    ] = 0.0,
    squelch: Annotated[
        float | None,
        typer.Option(help="Give no class to frames below this level, in dB of full scale, e.g. -60."),
    ] = None,
    backend: BackendOption = None,
    out: Annotated[
        str | None,
        typer.Option(
            help="Results, one row a frame: FILE.jsonl, FILE.csv, or - for JSON lines on the standard output."
        ),
    ] = None,
    processes: ProcessesOption = None,
    target: TargetOption = None,
    topology: TopologyOption = None,
    json: JsonOption = None,
) -> None:
    """Classify the frames of a recording, or of a live stream, with an accelerator or a network in software.

    While the accelerator works, the next frames are read and quantised as in training. Frames of a live stream are
    classified within half a second. A table shows the classes so far. A frame gets a reason instead of a class if it
    has NaN, no signal (zeros, one value, under --squelch), or less than --min-confidence. Frames lie within captures of
    one frequency. When a source fails, or on Ctrl-C, SIGTERM or a lost terminal, the results so far are kept.
    FILE.summary.json tells the counts, warnings, and what ended the run early.
    """
    from deploy.backends.interrupts import interrupted_afterwards
    from deploy.rows import row_writer
    from deploy.sources.opening import Reading, open_source
    from deploy.stream import Demands, report, write_report
    from deploy.stream import stream as run
    from radioml.files import refuse_inputs

    if out == json == STANDARD_OUTPUT:
        raise RadioMLError("--out - and --json both write to the standard output; give one of them a file")
    network, source = _network_and_source(network_and_source)
    if out not in (None, "-"):
        refuse_inputs([Path(out)], [Path(name) for name in network_and_source])
    opened = open_source(
        source,
        Reading(format, sample_rate, channel, recording, frames_overlap, offset_hz, resample, dc_block, normalise),
    )
    demands = Demands(min_confidence, float("-inf") if squelch is None else squelch)
    with (
        runnable(network, topology) as path,
        row_writer(out) as write,
        Live(console=notes, auto_refresh=False, transient=True) as live,
    ):
        summary = run(
            path, opened, backend, processes, write,
            lambda summary: live.update(_table(summary, opened.frames), refresh=True), target, demands,
            nullcontext if out in (None, STANDARD_OUTPUT) else interrupted_afterwards,  # Ctrl-C ends a blocked pipe
        )  # fmt: skip
    write_report(summary, opened, out)
    notes.print(_table(summary, opened.frames))
    if opened.left_over:
        notes.print(f"{escape(opened.left_over)} of {escape(opened.name)} fill no frame: left out", soft_wrap=True)
    print_warnings(notes, summary.warnings)
    give(report(summary, opened).to_json(), json)
    if summary.problem:
        notes.print(f"[bold red]stopped after {summary.frames:,} frames:[/] {escape(summary.problem)}", soft_wrap=True)
        raise typer.Exit(130 if summary.interrupted else 2)


def _network_and_source(given: list[str]) -> tuple[Path | None, str]:
    """The two arguments, of which the first may be left out."""
    if len(given) > 2:
        raise RadioMLError(
            f"expected SOURCE, or NETWORK and SOURCE; {len(given)} arguments were given: {' '.join(given)}"
        )
    if len(given) == 1 and given[0].endswith((".zip", ".onnx", ".pth")):
        raise RadioMLError(f"{given[0]} is a network; give a source as well, e.g. a recording, or - for a pipe")
    return (Path(given[0]) if len(given) == 2 else None), given[-1]


def _table(summary: Summary, frames: int | None) -> Table:
    speed = f"{summary.frames / summary.seconds:,.0f} frames/s" if summary.seconds else ""
    of = f" of {frames:,}" if frames is not None else ""
    table = Table(
        title=f"{summary.frames:,}{of} frames",
        caption=f"{speed}; {summary.clipped_share:.2%} of values clipped",
        min_width=50,
    )
    table.add_column("class")
    table.add_column("frames", justify="right")
    table.add_column("share", justify="right")
    for counts, style in ((summary.counts, ""), (summary.unclassified, "yellow")):
        for name, count in sorted(counts.items(), key=lambda item: -item[1]):
            shown = f"no class: {name}" if style else name
            table.add_row(shown, f"{count:,}", f"{count / summary.frames:.1%}", style=style)
    return table
