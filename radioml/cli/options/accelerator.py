"""Options that the driver's commands and `radioml evaluate` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from radioml.processes import MOST_PROCESSES

PackageArgument = Annotated[Path, typer.Argument(help="package.zip that `radioml build` made.", show_default=False)]
Backend = Literal["simulation", "software", "pynq", "serial"]
BackendOption = Annotated[
    Backend | None,
    typer.Option(
        help="What to run on: `simulation`, the RTL on this host; `software`, the network on this host; `pynq`, the "
        "bitfile on this board; `serial`, the bitstream of a board on a serial line. Default: a package's RTL; "
        "without a build, software.",
        show_default=False,
    ),
]
PartOption = Annotated[Literal["test", "train", "validation", "all"], typer.Option(help="Part of the fixed split.")]
ProcessesOption = Annotated[
    int | None,
    typer.Option(min=1, max=MOST_PROCESSES, help="Number of simulators that run in parallel. Default: one a core."),
]
TargetOption = Annotated[
    str | None,
    typer.Option(help="`pynq`: a board on the network that runs PYNQ.remote, HOST[:PORT]; `serial`: the port."),
]
ResultsOption = Annotated[
    Path | None,
    typer.Option("--out", help="Folder of the results. Default: the run's `deploy`, else `deploy` beside the package."),
]
