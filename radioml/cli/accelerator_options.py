"""Options that all commands of the driver share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PackageArgument = Annotated[Path, typer.Argument(help="package.zip that `radioml build` made.", show_default=False)]
BackendOption = Annotated[
    str,
    typer.Option(
        help="What to run on: `simulation`, the RTL on this host; `software`, the network on this host; `pynq`, the "
        "bitfile on this board."
    ),
]
ProcessesOption = Annotated[
    int | None, typer.Option(min=1, help="Simulators to run side by side. Default: one a core.")
]
TargetOption = Annotated[
    str | None, typer.Option(help="A board on the network that runs PYNQ.remote, HOST[:PORT]; `pynq` only.")
]
ResultsOption = Annotated[
    Path | None,
    typer.Option("--out", help="Folder of the results. Default: the run's `deploy`, else `deploy` beside the package."),
]
