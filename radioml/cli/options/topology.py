"""The option that names a network's topology, and may run code of the user's own for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

TopologyOption = Annotated[
    str | None,
    typer.Option(
        "--topology",
        help="For bare sandbox weights: their topology, e.g. vgg10 (`radioml models list` names all). For a network of "
        "your own: its code, FILE.py:CLASS or PACKAGE.MODULE:CLASS, which is run.",
    ),
]


def run_code_of(topology: str | None) -> None:
    """Run the code that the option names, if it names code; paths are those of the working directory."""
    if topology is not None and ":" in topology:
        from training.models import load_own

        load_own(topology, Path())


def own_code_option(topology: str) -> list[str]:
    """The options with which a command in this working directory loads a checkpoint of this topology."""
    if ":" not in topology:
        return []
    from training.models import loaded

    where, _, name = topology.rpartition(":")
    place = os.path.relpath(loaded(topology).place) if where.endswith(".py") else where
    return ["--topology", f"{place}:{name}"]
