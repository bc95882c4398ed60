"""`radioml estimate`: what every network would cost on every board."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

from radioml.cli import app
from radioml.cli.console.terminal import JsonOption, give, notes, results
from radioml.errors import RadioMLError
from radioml.progress import WorkProgress
from radioml.run_directory import MODEL, TRAIN

_SEED = 2018


@app.command(
    epilog="Examples: `radioml estimate --all`; `radioml estimate --config polyphase --board ZCU104 --board KV260`."
)
def estimate(
    all_pairs: Annotated[
        bool, typer.Option("--all", help="All shipped experiments on all boards; --config and --board choose some.")
    ] = False,
    configs: Annotated[
        list[str] | None,
        typer.Option("--config", help="Estimate this experiment, a shipped one or a file; repeatable."),
    ] = None,
    boards: Annotated[list[str] | None, typer.Option("--board", help="Estimate on this board; repeatable.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the tables and of the cached estimates.")] = Path(
        "runs/estimate"
    ),
    json: JsonOption = None,
) -> None:
    """Estimate the speed and the resources of networks on boards before a training or a build.

    Networks have untrained weights. Each is folded as fast as the board allows with 20 % of its resources left, as by
    `radioml build --until estimate --fit`. OUT gets estimate_all.json, estimate_all.md (a line a network, a column a
    board) and estimate_all_in_full.md (with resources and the limit of each). Experiments that differ in training only
    are one network. Estimates are cached in OUT; a repeated command computes the missing and the outdated ones.
    """
    from finn_build.boards import board_names
    from finn_build.exploration.all_pairs import estimate_all
    from finn_build.exploration.tables import markdown, markdown_in_full, overview
    from radioml.contract.all_pairs import FAILED
    from radioml.files import write_text

    if not (all_pairs or configs or boards):
        raise RadioMLError("nothing to estimate: give --all, or choose with --config and --board")
    networks = _networks(configs)
    boards = list(dict.fromkeys(boards or board_names()))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with WorkProgress(*columns, console=notes) as progress:
        bar = progress.add_task("exporting networks", total=len(networks) * len(boards))
        try:
            value = estimate_all(
                list(networks), boards, partial(untrained_model, networks), out,
                show=lambda done, what: progress.update(bar, completed=done, description=escape(what)),
            )  # fmt: skip
        except KeyboardInterrupt:
            progress.stop()
            notes.print(
                f"interrupted; what is done lies in {escape(str(out))}, the same command continues", soft_wrap=True
            )
            raise typer.Exit(130) from None
    value.write(out / "estimate_all.json")
    write_text(out / "estimate_all.md", markdown(value))
    write_text(out / "estimate_all_in_full.md", markdown_in_full(value))
    results.print(overview(value))
    results.print(
        f"{len(value.cells)} estimates in {value.seconds:.0f} s; written to {escape(str(out))}", soft_wrap=True
    )
    give(value.to_json(), json)
    failed = [pair for pair in value.cells if pair.verdict == FAILED]
    if failed:
        raise RadioMLError("\n  ".join(["failed:", *sorted({pair.reason for pair in failed})]))


def untrained_model(networks: dict[str, tuple[str, dict[str, Any]]], name: str, folder: Path) -> Path:
    """Export a network of `networks` (topology, parameters) with random weights of a fixed seed, once."""
    from finn_build.engine.sources import code_digest
    from radioml.cache import Cache, content_key

    topology, parameters = networks[name]
    cache, model = Cache(folder, folder), folder / TRAIN / MODEL
    key = content_key(topology, parameters, code_digest("training.trained.export"))
    if cache.find("exported", key):
        return model
    import torch

    from radioml.contract.training_data import TrainingData
    from training.models import create
    from training.trained.checkpoint import TrainedNetwork, save_checkpoint
    from training.trained.export import export

    torch.manual_seed(_SEED)
    network = create(topology, parameters).eval()
    checkpoint = folder / "untrained.pth"
    save_checkpoint(checkpoint, TrainedNetwork(network, topology, parameters, TrainingData("none, untrained")))
    export(checkpoint, folder / TRAIN)
    cache.store("exported", key, [TRAIN])
    return model


def _networks(configs: list[str] | None) -> dict[str, tuple[str, dict[str, Any]]]:
    """Topology and parameters of experiments by name; experiments that differ only in training keep the first name."""
    from training.experiments.experiment import load_experiment
    from training.experiments.zoo import read_zoo

    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for config in configs or [entry.experiment for entry in read_zoo().entries]:
        experiment = load_experiment(config)
        network = (experiment.topology, experiment.parameters)
        if network in found.values():
            continue
        if experiment.name in found:
            raise RadioMLError(f"{config}: two experiments have the name {experiment.name!r}; rename one")
        found[experiment.name] = network
    return found
