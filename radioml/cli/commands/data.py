"""`radioml data`: make a synthetic RadioML file, look through any RadioML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from radioml.cli import app
from radioml.cli.console.accuracy import print_warnings
from radioml.cli.console.progress import frames_progress, identified
from radioml.cli.console.terminal import JsonOption, give, results
from radioml.data.conditions import NOMINAL, PRESETS
from radioml.errors import RadioMLError
from radioml.files import refuse_inputs
from radioml.processes import MOST_PROCESSES, cores

data_app = typer.Typer(
    no_args_is_help=True,
    help="RadioML 2018.01A files (HDF5): `synth` makes a synthetic one, `check` looks through any, `subset` cuts a "
    "part, `import` reads what others have.\n\n"
    "The real file, GOLD_XYZ_OSC.0001_1024.hdf5 (about 20 GB), comes from DeepSig after registration "
    "(https://www.deepsig.ai/datasets, CC BY-NC-SA 4.0). Every command takes either kind and says which it was.",
)
app.add_typer(data_app, name="data")


@data_app.command(epilog="Example: radioml data synth data/small.h5 --frames-per-cell 40 --seed 1")
def synth(
    out: Annotated[Path, typer.Argument(help="File to write, e.g. data/small.h5.", show_default=False)],
    frames_per_cell: Annotated[
        int,
        typer.Option(
            min=1, max=1 << 40, help="Frames of each of the 24 classes at each of the 26 SNRs; the real file has 4096."
        ),
    ] = 40,
    seed: Annotated[
        int,
        typer.Option(
            min=0, max=(1 << 63) - 1, help="Seed of the generator; equal seed, size and preset give an equal file."
        ),
    ] = 1,
    preset: Annotated[
        str,
        typer.Option(
            help="Conditions of reception: `nominal`, the calibrated ones; `impaired`, with clock drift, carrier "
            "frequency offset and gain; `widened`, which adds other pulse shapes, APSK rings, AM depths, an echo and a "
            f"DC offset; or one deviation of an exact amount, to measure its cost. All: {', '.join(PRESETS)}."
        ),
    ] = NOMINAL,
    processes: Annotated[int, typer.Option(min=1, max=MOST_PROCESSES, help="Number of processes.")] = cores(),
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
) -> None:
    """Write a synthetic file with the arrays, types and order of RadioML 2018.01A.

    The generator is calibrated so that networks trained on the real data score on its frames as they do on real
    ones. The file is marked as synthetic, and every figure made from it says so. Size: 5.2 MB per frame per cell
    (40 give 210 MB, 24,960 frames).
    """
    from radioml.data.layout import CELLS
    from radioml.data.synthetic import write_dataset

    _refuse_existing(out, force)
    with frames_progress() as progress:
        task = progress.add_task("synthesising", total=CELLS * frames_per_cell)
        write_dataset(out, frames_per_cell, seed, processes, lambda frames: progress.advance(task, frames), preset)
    size = f"{CELLS * frames_per_cell:,} frames, {out.stat().st_size / 1e6:,.0f} MB"
    results.print(f"wrote {escape(str(out))}: synthetic, preset {escape(preset)}, {size}", soft_wrap=True)


@data_app.command(
    epilog="Example: radioml data subset GOLD_XYZ_OSC.0001_1024.hdf5 high.hdf5 --snrs 0..30 --frames-per-cell 256"
)
def subset(
    source: Annotated[Path, typer.Argument(help="RadioML file to cut.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="File to write.", show_default=False)],
    classes: Annotated[str | None, typer.Option(help="Classes to keep, e.g. BPSK,QPSK,8PSK. Default: all.")] = None,
    snrs: Annotated[str | None, typer.Option(help="SNRs in dB to keep: 0..30, or -20,0,30. Default: all.")] = None,
    frames_per_cell: Annotated[
        int | None, typer.Option(min=1, max=1 << 40, help="Frames of each class at each SNR to keep. Default: all.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
) -> None:
    """Cut classes, SNRs and frames out of a RadioML file, real or not, and keep its fixed split.

    Every frame stays in its part: a test frame of the source is a test frame of the new file. The new file stores the
    positions of its frames in the source (array `index`). A file cut out of the published one is still called real.
    """
    from radioml.data.class_names import class_indices, read_class_list
    from radioml.data.subset import parse_snrs, write_subset

    _refuse_existing(out, force)
    refuse_inputs([out], [source])
    chosen = None if classes is None else class_indices(read_class_list(classes))
    labels = None if snrs is None else parse_snrs(snrs)
    identified(source)
    with frames_progress() as progress:
        task = progress.add_task("cutting", total=None)
        layout = write_subset(
            source, out, chosen, labels, frames_per_cell,
            lambda done, total: progress.update(task, completed=done, total=total),
        )  # fmt: skip
    results.print(f"wrote {escape(str(out))}: {layout}, {out.stat().st_size / 1e6:,.0f} MB", soft_wrap=True)


@data_app.command(
    "import",
    epilog="Examples: `radioml data import part0.h5 part1.h5 mine.hdf5`; `radioml data import X_train.npy Y_train.npy "
    "Z_train.npy mine.hdf5`; `radioml data import qam.mat mine.hdf5 --classes 16QAM,64QAM --snr 30`.",
)
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE... OUT", help="Source files, then the RadioML file to write.", show_default=False
        ),
    ],
    classes: Annotated[
        str | None,
        typer.Option(
            help="Classes in the order of the labels' columns or numbers: NAME,NAME,... or a file such as classes.txt. "
            "Default: as the file says, else RadioML's own order."
        ),
    ] = None,
    first_class: Annotated[
        int | None, typer.Option(min=0, max=1, help="Number of the first class, where labels are numbers.")
    ] = None,
    snr: Annotated[
        str | None,
        typer.Option(
            help="For files without SNRs: the SNR of all frames in dB, or `published` for the published order."
        ),
    ] = None,
    frames: Annotated[str | None, typer.Option("--x", help="Name of the array of frames.")] = None,
    labels: Annotated[str | None, typer.Option("--y", help="Name of the array of classes.")] = None,
    snrs: Annotated[str | None, typer.Option("--z", help="Name of the array of SNRs.")] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave out frames of classes that RadioML 2018.01A does not have.")
    ] = False,
    normalise: Annotated[
        bool, typer.Option("--normalise", help="Divide every frame by its standard deviation, as RadioML's were.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
) -> None:
    """Make a RadioML file from data in other forms: parts, other layouts, types and orders, several files.

    HDF5, MATLAB (.mat), NumPy (.npy, .npz) and pickles of arrays are recognised by their content; nothing in them is
    executed. Frames are found by their shape: 1,024 samples, I and Q in any axis or complex. Labels may be one-hot,
    numbers or names, of any type; rows may be in any order; sets such as X_train and X_test are joined. Every
    conclusion is printed. Labels that contradict the signals (the classes.txt that comes with the data set has the
    wrong order) are refused.

    The new file is of unknown origin, as nothing proves what its frames are. `radioml data subset` cuts parts of the
    real file that stay real, with the official split.
    """
    from radioml.data.class_names import read_class_list
    from radioml.data.importing.importer import import_data
    from radioml.data.importing.labelled import Wanted
    from radioml.data.importing.tables import Names
    from radioml.data.provenance import origin
    from radioml.data.subset import parse_snrs

    if len(files) < 2:
        raise RadioMLError("give the source files, then the output file: radioml data import SOURCE... OUT")
    *sources, out = files
    _refuse_existing(out, force)
    refuse_inputs([out], sources)
    by_order = snr == "published"
    one = None if snr is None or by_order else parse_snrs(snr)
    if one is not None and len(one) != 1:
        raise RadioMLError(f"--snr {snr}: give one SNR in dB, or `published`")
    wanted = Wanted(
        Names(frames, labels, snrs), None if classes is None else read_class_list(classes), first_class,
        one[0] if one else None, by_order, skip_unknown, normalise,
    )  # fmt: skip
    with frames_progress() as progress:
        task = progress.add_task("importing", total=None)
        done = import_data(sources, out, wanted, lambda done, total: progress.update(task, completed=done, total=total))
    for note in done.notes:
        results.print(escape(note), soft_wrap=True)
    print_warnings(results, done.warnings)
    size = f"{out.stat().st_size / 1e6:,.0f} MB"
    results.print(f"wrote {escape(str(out))}, {size}: {escape(str(origin(out)))}", soft_wrap=True)


@data_app.command(epilog="Example: radioml data check GOLD_XYZ_OSC.0001_1024.hdf5")
def check(
    file: Annotated[Path, typer.Argument(help="HDF5 file to check.", show_default=False)],
    json: JsonOption = None,
) -> None:
    """Check every frame of a RadioML 2018.01A file, and print what the file contains.

    A valid file has the arrays X, Y and Z with RadioML's names, shapes and types, one-hot labels, SNRs of the grid,
    frames ordered by class, then by SNR, and finite samples. It may have some classes, some SNRs or fewer frames. The
    exit code is 2 if the file is not valid. Warnings: another level than RadioML's, clipping, zero or constant frames.
    """
    from radioml.data.check import check_dataset

    with frames_progress() as progress:
        task = progress.add_task("checking", total=None)
        report = check_dataset(file, lambda done, total: progress.update(task, completed=done, total=total))
    table = Table.grid(padding=(0, 2))
    table.add_row("file", escape(str(file)))
    table.add_row("layout", report.size)
    if report.origin is not None:
        table.add_row("origin", escape(str(report.origin)))
    power = "not known: no sample is finite" if report.mean_power is None else f"{report.mean_power:.4g} (I² + Q²)"
    table.add_row("mean power", power)
    results.print(table)
    give(report.to_json(), json)
    if report.problems:
        raise RadioMLError("\n  ".join([f"{file} is not a valid RadioML file:", *report.problems]))
    print_warnings(results, report.warnings)
    results.print("[green]valid[/]")


def _refuse_existing(out: Path, force: bool) -> None:
    if out.exists() and not force:
        raise RadioMLError(f"{out} exists already; choose another name or replace it with --force")
