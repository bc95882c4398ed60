"""Estimates of many networks on many boards, each with the fastest folding that fits.

The steps up to FINN's layers give the same result for every board and run once for each network. For each board only
the folding, or the samples a cycle of a statistics unit, is chosen, which takes seconds. All results are cached by the
content that they depend on.
"""

from __future__ import annotations

import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finn_build.boards import CATALOGUE, Board, board_names, load_board
from finn_build.engine.finn_session import finn_session
from finn_build.engine.graphs import load_graph, save_graph
from finn_build.engine.record import versions
from finn_build.engine.sources import code_digest
from finn_build.exploration.choose_folding import FIT_MARGIN_PERCENT, DoesNotFitError, Goal, choose_folding
from finn_build.exploration.choose_lanes import choose_lanes
from finn_build.model_check.check_model import describe, examine, remark
from finn_build.statistics_unit.read import read_unit
from finn_build.statistics_unit.recognition import is_statistics_network
from finn_build.statistics_unit.unit import LANES
from finn_build.steps import GRAPH_STEPS, Context, apply_steps
from radioml.cache import Cache, content_key
from radioml.contract.all_pairs import DOES_NOT_FIT, FAILED, FITS, NOT_BUILDABLE, AllPairs, Layers, Pair
from radioml.contract.estimate import Estimate
from radioml.contract.metadata import ModelMetadata, load_exported
from radioml.errors import RadioMLError
from radioml.files import sha256
from radioml.processes import ProcessPool
from radioml.reading.records import record, values
from radioml.run_directory import MODEL, TRAIN

if TYPE_CHECKING:
    import onnx

_WORK, _LOG, _LAYERS = ".work", "estimate.log", "layers.onnx"

_OF_UNIT = "no weight is zero here; logic follows from the weights, and a training by ablation leaves some hundred"
"""Remark on a network on statistics."""

ModelMaker = Callable[[str, Path], Path]
"""Exports the network of a name into a folder and returns its model.onnx; called in another process."""


def estimate_all(
    networks: Sequence[str],
    boards: Sequence[str],
    make_model: ModelMaker,
    out: Path,
    processes: int = 2,
    show: Callable[[int, str], None] = lambda done, what: None,
) -> AllPairs:
    """Estimate every network on every board with `--fit` and its usual margin.

    A pair with an unexpected error has the verdict "failed", and the next call tries it again. All other
    results are cached in `out`.

    Args:
        networks, boards: their names.
        make_model: exports a network.
        out: folder for the cache and the log.
        processes: how many work side by side.
        show: called with the number of pairs done, and the last of them.

    Raises RadioMLError for an unknown board and when a process dies. On KeyboardInterrupt the estimates that are
    running are finished and cached first.
    """
    for board in boards:
        load_board(board)
    start, out = time.perf_counter(), out.resolve()
    layers: dict[str, Layers] = {}
    pairs: dict[tuple[str, str], Pair] = {}

    def done(new: list[Pair]) -> None:
        pairs.update({(pair.network, pair.board): pair for pair in new})
        show(len(pairs), f"{new[-1].network} on {new[-1].board}")

    pool = ProcessPool(processes)
    try:
        waiting: set[Future[Any]] = {pool.submit(_layers, network, make_model, out) for network in networks}
        while waiting:
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                result = future.result()
                if not isinstance(result, Layers):
                    done([result])
                    continue
                layers[result.network] = result
                if result.problem:
                    done([_pair(result, board) for board in boards])
                else:
                    waiting |= {pool.submit(_estimate, result, board, out) for board in boards}
    except BrokenProcessPool as error:
        raise RadioMLError(
            "an estimating process died; the usual cause is too little memory. The same command continues"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
        shutil.rmtree(out / _WORK, ignore_errors=True)
    return AllPairs(
        kind="estimated, untrained weights",
        margin_percent=FIT_MARGIN_PERCENT,
        seconds=round(time.perf_counter() - start, 1),
        networks={name: layers[name] for name in networks},
        boards={name: load_board(name).clock_mhz for name in boards},
        cells=tuple(pairs[network, board] for network in networks for board in boards),
    )


def _layers(network: str, make_model: ModelMaker, out: Path) -> Layers:
    """Export a network, check it, and apply all steps to FINN's layers whose result is the same for every board."""
    from qonnx.core.modelwrapper import ModelWrapper

    cache, folder = _cache(out), out / "networks" / network
    made = f"networks/{network}/{_LAYERS}"
    try:
        path = make_model(network, folder)
        key = _key("layers", sha256(path))
        if receipt := cache.find(f"networks/{network}/layers", key):
            return Layers(**receipt.value)
        onnx_model, metadata = load_exported(path)
        if is_statistics_network(onnx_model):
            layers = Layers(network, _unit_problem(onnx_model, metadata), "", _OF_UNIT, sha256(path))
            cache.store(f"networks/{network}/layers", key, [], asdict(layers))
            return layers
        found = examine(ModelWrapper(onnx_model), metadata)
        problem, rtl_problem = (_problems(describe(found, until)) for until in ("estimate", "rtl"))
        layers = Layers(network, problem, rtl_problem)
        if not problem:
            model = load_graph(path)
            with _session(out) as work:
                context = Context(model, metadata, load_board(board_names()[0]), work)
                model = apply_steps(model, context, [step for step in GRAPH_STEPS if not step.depends_on_board])
            save_graph(model, out / made)
            layers = replace(layers, remark=remark(ModelWrapper(onnx_model)), sha256=sha256(out / made))
        cache.store(f"networks/{network}/layers", key, [made] if layers.sha256 else [], asdict(layers))
        return layers
    except Exception as error:  # one network must not stop the others
        return Layers(network, _failure(network, error, out), failed=True)


def _estimate(layers: Layers, board_name: str, out: Path) -> Pair:
    """The best folding of one network for one board, cached unless an unexpected error occurred."""
    try:
        key = _key("pair", layers.sha256, sha256(CATALOGUE / f"{board_name}.yaml"), str(FIT_MARGIN_PERCENT))
        name, choose = f"cells/{layers.network}/{board_name}", partial(_choose, layers, board_name, out)
        return record(_cache(out).value(name, key, lambda: values(choose())), Pair)
    except Exception as error:  # one pair must not stop the others
        return _pair(layers, board_name, FAILED, _failure(f"{layers.network} on {board_name}", error, out))


def _choose(layers: Layers, board_name: str, out: Path) -> Pair:
    start = time.perf_counter()
    try:
        value, verdict, reason = _fastest(out / "networks" / layers.network, load_board(board_name), out), FITS, ""
    except DoesNotFitError as error:
        value, verdict = error.smallest, DOES_NOT_FIT
        reason = f"with {error.slowest} it needs {', '.join(error.excess)}"
    return replace(
        _pair(layers, board_name, verdict, reason),
        cycles=value.cycles_per_frame,
        frames_per_second=value.frames_per_second,
        LUT=value.total["LUT"],
        BRAM_18K=value.total["BRAM_18K"],
        URAM=value.total["URAM"],
        DSP=value.total["DSP"],
        limit=value.folded.limit if value.folded else "",
        seconds=round(time.perf_counter() - start, 2),
    )


def _fastest(folder: Path, board: Board, out: Path) -> Estimate:
    """The estimate of the fastest folding of the network in a folder; raises DoesNotFitError when none fits."""
    onnx_model, metadata = load_exported(folder / TRAIN / MODEL)
    goal = Goal(margin_percent=FIT_MARGIN_PERCENT)
    if is_statistics_network(onnx_model):
        return choose_lanes(onnx_model, metadata.logit_scale, board, goal)
    with _session(out) as work:
        context = Context(model := load_graph(folder / _LAYERS), metadata, board, work)
        model = apply_steps(model, context, [step for step in GRAPH_STEPS if step.depends_on_board])
        return choose_folding(model, board, goal).estimate


def _pair(layers: Layers, board: str, verdict: str = "", reason: str = "") -> Pair:
    verdict = verdict or (FAILED if layers.failed else NOT_BUILDABLE)
    return Pair(layers.network, board, verdict, reason or layers.problem)


def _unit_problem(model: onnx.ModelProto, metadata: ModelMetadata) -> str:
    """What keeps a network on statistics from an estimate: a line for each node."""
    try:
        read_unit(model, metadata.logit_scale, LANES[-1])
    except RadioMLError as error:
        return _problems(str(error))
    return ""


def _problems(description: str) -> str:
    """A description of problems without its first line, which names the stage."""
    return "\n".join(line.strip() for line in description.split("\n")[1:])


def _key(*parts: str) -> str:
    return content_key(parts, code_digest(__name__), versions())


def _cache(out: Path) -> Cache:
    return Cache(out, out)


@contextmanager
def _session(out: Path) -> Iterator[Path]:
    """A FINN session on a folder of this process."""
    work = out / _WORK / str(os.getpid())
    work.mkdir(parents=True, exist_ok=True)
    with finn_session(work, out / _LOG):
        yield work


def _failure(what: str, error: Exception, out: Path) -> str:
    out.mkdir(parents=True, exist_ok=True)
    with (out / _LOG).open("a", encoding="utf-8") as stream:
        stream.write(f"\n{what} failed\n{''.join(traceback.format_exception(error))}")
    return f"{type(error).__name__}: {error} (log: {_LOG})"
