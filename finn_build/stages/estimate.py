"""From a QONNX network to a folded graph of FINN's layers and its estimate."""

from __future__ import annotations

import shutil
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from finn_build.boards import Board
from finn_build.engine.paths import ESTIMATE, FOLDED, FOLDING_FILE, NETWORK, STEPS
from finn_build.engine.step_cache import KeptSteps
from finn_build.exploration.choose_folding import Wish, choose_folding
from finn_build.folding.folding import folding_of
from finn_build.steps import BOARD_STEPS, Step, graph_steps
from radioml.contract.metadata import ModelMetadata
from radioml.files import replacing, write_json

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper


def build_estimate(steps: KeptSteps, path: Path, metadata: ModelMetadata, board: Board, wanted: Wish) -> None:
    """Write `STEPS`, with the graph after each step, `FOLDED`, `ESTIMATE` and `FOLDING_FILE` to the build folder."""
    from qonnx.core.modelwrapper import ModelWrapper

    folder, runner = steps.folder, steps.runner
    with replacing(folder / NETWORK) as temporary:
        shutil.copyfile(path, temporary)
    network = ModelWrapper(str(folder / NETWORK))
    named = runner.run("load FINN", lambda: graph_steps(network, metadata, board, runner.work), finn=True)
    names = [name.replace(" ", "_") for name, _ in named]
    files = [NETWORK, *(f"{STEPS}/{number:02}_{name}.onnx" for number, name in enumerate(names, 1))]
    for stale in set((folder / STEPS).iterdir()) - {folder / name for name in files}:
        stale.unlink()
    of_board = {"part": board.part, "clock_mhz": board.clock_mhz}
    for (name, step), (before, after) in zip(named, pairwise(files), strict=True):
        inputs = of_board if name in BOARD_STEPS else None
        # Steps look into the network, with its metadata, beside the graph so far.
        steps.run(
            name, partial(_apply, step, folder / before, folder / after), [NETWORK, before], [after], inputs, True
        )

    def fold() -> None:
        start = time.perf_counter()
        chosen = choose_folding(ModelWrapper(str(folder / files[-1])), board, wanted)
        save(chosen.model, folder / FOLDED)
        write_json(folder / FOLDING_FILE, folding_of(chosen.model))
        seconds = runner.seconds["load FINN"] + sum(steps.seconds.values()) + time.perf_counter() - start
        write_json(folder / ESTIMATE, {**chosen.estimate, "seconds": round(seconds, 1)})

    inputs = {"folding": wanted.inputs(), "board": of_board | {"name": board.name, "usable": board.usable}}
    steps.run("fold and estimate", fold, files[-1:], [FOLDED, FOLDING_FILE, ESTIMATE], inputs, finn=True)


def _apply(step: Step, before: Path, after: Path) -> None:
    from qonnx.core.modelwrapper import ModelWrapper

    save(step(ModelWrapper(str(before))), after)


def save(model: ModelWrapper, path: Path) -> None:
    """Write a graph in one step."""
    part = path.with_suffix(".part")
    model.save(str(part))
    part.replace(path)
