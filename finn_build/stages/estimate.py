"""From a QONNX network to a folded graph of FINN's layers and its estimate."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from finn_build.boards import Board
from finn_build.engine.cached_steps import CachedSteps
from finn_build.engine.graphs import load_graph, save_graph
from finn_build.engine.paths import FOLDED, NETWORK, STEPS, graph_of_step
from finn_build.engine.step import Step
from finn_build.exploration.choose_folding import Goal, choose_folding
from finn_build.folding.folding import folding_of
from finn_build.steps import GRAPH_STEPS, Context, GraphStep
from radioml.contract.metadata import ModelMetadata
from radioml.files import replacing, write_json
from radioml.run_directory import ESTIMATE, FOLDING

FOLD = Step("fold", "fold and estimate", in_finn=True, depends_on_board=True)


def build_estimate(steps: CachedSteps, path: Path, metadata: ModelMetadata, board: Board, goal: Goal) -> None:
    """Write `STEPS`, with the graph after each step, `FOLDED`, `ESTIMATE` and `FOLDING` to the build folder."""
    folder = steps.folder
    with replacing(folder / NETWORK) as temporary:
        shutil.copyfile(path, temporary)
    context = Context(load_graph(folder / NETWORK), metadata, board, steps.runner.work)
    files = [NETWORK, *(graph_of_step(number, step.id) for number, step in enumerate(GRAPH_STEPS, 1))]
    for stale in set((folder / STEPS).iterdir()) - {folder / name for name in files}:
        stale.unlink()
    for step, (before, after) in zip(GRAPH_STEPS, pairwise(files), strict=True):
        # Steps look into the network and its metadata, too.
        apply = partial(_apply, step, context, folder / before, folder / after)
        steps.run(step, apply, reads=[NETWORK, before], made=[after])

    def fold() -> None:
        start = time.perf_counter()
        chosen = choose_folding(load_graph(folder / files[-1]), board, goal)
        save_graph(chosen.model, folder / FOLDED)
        write_json(folder / FOLDING, folding_of(chosen.model))
        seconds = sum(steps.seconds.values()) + time.perf_counter() - start
        replace(chosen.estimate, seconds=round(seconds, 1)).write(folder / ESTIMATE)

    inputs = {"goal": goal.inputs(), "board": board.name, "usable": board.usable}
    steps.run(FOLD, fold, reads=files[-1:], made=[FOLDED, FOLDING, ESTIMATE], inputs=inputs)


def _apply(step: GraphStep, context: Context, before: Path, after: Path) -> None:
    save_graph(step.apply(load_graph(before), context), after)
