"""`radioml models`: the topologies, what they cost, and what was published of them."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from radioml.cli import app

models_app = typer.Typer(no_args_is_help=True, help="The networks that can be trained: `list` compares them.")
app.add_typer(models_app, name="models")


@models_app.command("list", epilog="Example: radioml models list")
def list_models() -> None:
    """Compare the shipped experiments before training: their size and cost, beside what their authors published.

    Unpruned: exported as QONNX and scored by the official cost function, no weight zero. Published: the authors' score,
    after pruning where so remarked, and their accuracy on the real data set. Takes about half a minute.
    """
    from training.experiment import CONFIGS, load_experiment
    from training.models import create, topologies, topology
    from training.models.cost import unpruned_score

    console = Console(highlight=False)
    table = Table(title="unpruned cost by the official function, and published results")
    for name in ("experiment", "topology"):
        table.add_column(name, no_wrap=True)
    for name in ("parameters", "bit operations", "bits of weights", "score", "published score", "published accuracy"):
        table.add_column(name, justify="right")
    table.add_column("remark")
    names = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
    for name in track(names, "exporting and scoring", console=Console(stderr=True), transient=True):
        experiment = load_experiment(name)
        if experiment.training.start_from:
            continue  # more training of a network that is in the table
        network = create(experiment.topology, experiment.parameters)
        score = unpruned_score(network)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        cells = [f"{parameters:,}", f"{score.bit_ops:,}", f"{score.bit_mem:,}", f"{score.score:.6f}"]
        published = topology(experiment.topology).published.get(name)
        if published is None:
            cells += ["", "", ""]
        else:
            published_score = "" if published.score is None else f"{published.score:.6f}"
            cells += [published_score, f"{published.accuracy:.2%}", published.remark]
        table.add_row(name, experiment.topology, *cells)
    console.print(table)
    for name in topologies():
        console.print(f"{name}: {topology(name).source}", soft_wrap=True)
