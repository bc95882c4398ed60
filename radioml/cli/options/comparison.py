"""Options of the commands that compare a build with its network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

BuildArgument = Annotated[Path, typer.Argument(metavar="BUILD", help="Build folder that `radioml build` made.")]
FramesOption = Annotated[
    int,
    typer.Option(
        min=2, help="Number of frames, spread over all classes and SNRs; 624 are one of each class at each SNR."
    ),
]
FramesDataOption = Annotated[
    Path | None, typer.Option("--data", help="RadioML HDF5 file, whose test part is used; default: synthetic frames.")
]
CheckpointOption = Annotated[
    Path | None, typer.Option(help="The reference network; default: the checkpoint or import of the run.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of the synthetic frames.")]
