"""`radioml submission`: a trained run as an entry of the challenge."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from radioml.cli import app
from radioml.cli.console.progress import frames_progress
from radioml.cli.console.terminal import JsonOption, give, results
from radioml.cli.options.topology import TopologyOption, run_code_of

_COLOURS = {"pass": "green", "fail": "bold red", "not checkable here": "yellow"}


@app.command(epilog="Example: radioml submission runs/polyphase polyphase.zip")
def submission(
    run: Annotated[Path, typer.Argument(help="A run directory whose training has ended.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="The zip to write.", show_default=False)],
    repository: Annotated[str | None, typer.Option(help="Public URL of the source, for the form.")] = None,
    topology: TopologyOption = None,
    json: JsonOption = None,
) -> None:
    """Pack a run for challenge ITU-ML5G-PS-007, after checking its rules: pass, fail, or not checkable here.

    The zip has the filled form, the source, the ONNX model with batch 1, the checkpoint, the Dockerfile, instructions
    with scripts that evaluate and train, and the report on the rules. When a rule fails, no zip is written, and the
    exit code is 1. Accuracy counts on the real test part alone. For a network trained on synthetic frames, this rule is
    not checkable here.
    """
    from radioml.files import refuse_inputs
    from training.challenge.submission import FAIL, write_submission

    refuse_inputs([out], run.rglob("*"))
    run_code_of(topology)
    with frames_progress() as bar:
        task = bar.add_task("comparing ONNX with Brevitas", total=None)
        verdicts = write_submission(
            run, out, repository, lambda done, total: bar.update(task, completed=done, total=total)
        )
    table = Table("rule", "status", "why")
    for verdict in verdicts:
        colour = _COLOURS[verdict.status]
        table.add_row(escape(verdict.rule), f"[{colour}]{verdict.status}[/]", escape(verdict.why))
    results.print(table)
    give([asdict(verdict) for verdict in verdicts], json)
    if failed := sum(verdict.status == FAIL for verdict in verdicts):
        results.print(f"[bold red]{failed} of the rules failed[/]: {escape(str(out))} was not written", soft_wrap=True)
        raise typer.Exit(1)
    results.print(f"written to {escape(str(out))}", soft_wrap=True)
