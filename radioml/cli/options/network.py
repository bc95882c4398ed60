"""What frames are classified with: a package, a model, a checkpoint, or the shipped network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from radioml.cli.options.topology import run_code_of
from radioml.errors import RadioMLError

NetworkArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[NETWORK]",
        help="package.zip that `radioml build` made, or its build folder; or a network in software: model.onnx of "
        "`radioml export` or `import`, or checkpoint.pth. Default: the shipped network.",
        show_default=False,
    ),
]


@contextmanager
def runnable(what: Path | None, topology: str | None) -> Iterator[Path]:
    """The path of a package, a build folder or a model: a checkpoint is exported to a temporary folder first.

    topology: topology of bare weights, or the user's own code. Raises RadioMLError for a path that is not there.
    """
    from radioml.shipped import NETWORK

    if what is not None and not what.exists():
        raise RadioMLError(f"{what}: no such file; give a package.zip, a model.onnx or a checkpoint.pth")
    if what is None or what.is_dir() or what.suffix in (".zip", ".onnx"):
        if topology is not None:
            raise RadioMLError(
                f"--topology is for checkpoints; {what or 'the shipped network'} names its topology itself"
            )
        yield what or NETWORK
        return
    from radioml.temporary import temporary_folder
    from training.trained.export import export

    run_code_of(topology)
    with temporary_folder("radioml-network") as folder:
        yield export(what, folder, topology)
