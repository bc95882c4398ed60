"""`radioml models`: the topologies, what they cost, what was published of them, and the statistics by name."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from radioml.cli import app
from radioml.cli.console.terminal import JsonOption, give, results

models_app = typer.Typer(no_args_is_help=True, help="The networks that can be trained: `list` compares them.")
app.add_typer(models_app, name="models")


@models_app.command("list", epilog="Example: radioml models list")
def list_models(json: JsonOption = None) -> None:
    """Compare the shipped experiments before training: their size and cost, beside what their authors published.

    Cost: exported as QONNX and scored by the official cost function, no weight zero. `python -m
    training.experiments.zoo` computes it anew. Published: the authors' score, after pruning where so remarked, and
    their accuracy on the real data set.
    """
    from training.experiments.zoo import read_zoo

    zoo = read_zoo()
    costs = _table("unpruned cost by the official function", "parameters", "bit ops", "weight bits", "score")
    published = _table("published by the authors, on the real data set", "score", "accuracy", "")
    for entry in zoo.entries:
        numbers = (entry.parameters, entry.bit_ops, entry.bit_mem)
        costs.add_row(entry.experiment, *(f"{number:,}" for number in numbers), f"{entry.score:.6f}")
        if entry.published_accuracy is not None:
            score = "" if entry.published_score is None else f"{entry.published_score:.6f}"
            published.add_row(entry.experiment, score, f"{entry.published_accuracy:.2%}", escape(entry.remark))
    results.print(costs)
    results.print(published)
    for name, source in zoo.sources.items():
        others = [e.experiment for e in zoo.entries if e.topology == name and e.experiment != name]
        of = f" (topology of {', '.join(others)} too)" if others else ""
        results.print(f"{name}{of}: {escape(source)}", soft_wrap=True)
    give(asdict(zoo), json)


@models_app.command("statistics", epilog="Example: radioml models statistics 'max.z*'")
def list_statistics(
    pattern: Annotated[
        str,
        typer.Argument(help="A name, or a pattern such as 'max.h*'. Default: no summaries.", show_default=False),
    ] = "",
) -> None:
    """List the statistics that the topology symbol_statistics takes: formula, range, width and fixed filters of each.

    `mean.NAME`, `max.NAME` and `min.NAME` are summaries of a statistic over the phases of a symbol.
    """
    from training.models.symbol_statistics.statistics import documentation

    for line in documentation(pattern):
        results.print(escape(line), soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("experiment", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right" if column else "left", no_wrap=bool(column))
    return table
