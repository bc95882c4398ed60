"""Many networks on many boards: what each would cost, folded as fast as fits.

Up to FINN's layers a network is the same for every board, so that part is done once a network; what is left for each
board, choosing the folding, takes seconds. Results are kept a file each, by the content that they depend on.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from finn_build.boards import CATALOGUE, load_board
from finn_build.engine.finn_session import finn_session
from finn_build.engine.record import tool_digest, versions
from finn_build.estimate.estimate import RESOURCES
from finn_build.exploration.choose_folding import FIT_MARGIN_PERCENT, DoesNotFitError, Wish, choose_folding
from finn_build.model_check.check_model import check_model, remark
from finn_build.steps import BOARD_STEPS, graph_steps
from radioml.contract.metadata import load_exported
from radioml.errors import RadioMLError
from radioml.files import replacing, sha256, write_json
from radioml.processes import ProcessPool
from radioml.reading.text import read_json

FITS, DOES_NOT_FIT, NOT_BUILDABLE, FAILED = "fits", "does not fit", "not buildable", "failed"
_UNTIL = ("estimate", "rtl")
_WORK, _LOG = ".work", "estimate.log"

ModelMaker = Callable[[str, Path], Path]
"""Gives the exported model.onnx of a network, by its name, in a folder; called in another process."""


@dataclass(frozen=True)
class Layers:
    """A network as FINN layers, or why it is not.

    problem: what keeps it from being estimated, a line for each layer; rtl_problem: the same for open tools' RTL;
    remark: see `check_model.remark`.
    sha256: of the layers' file.
    """

    network: str
    problem: str = ""
    rtl_problem: str = ""
    remark: str = ""
    sha256: str = ""
    failed: bool = False


def estimate_all(
    networks: Sequence[str],
    boards: Sequence[str],
    make_model: ModelMaker,
    out: Path,
    processes: int = 2,
    show: Callable[[int, str], None] = lambda done, what: None,
) -> dict[str, Any]:
    """Estimate every network on every board with `--fit` and its usual margin; the value is what the JSON file holds.

    `cells` has for each pair `verdict`, `reason`, and where a folding was found its cycles, rate, resources and limit.
    What goes wrong with one pair is its verdict "failed" with the reason, and is tried again by the next call; all
    else is kept in `out` and used again while it depends on the same. show: called with the pairs done, and the last.

    Raises RadioMLError for an unknown board and when a process dies. On KeyboardInterrupt what runs is finished and
    kept first.
    """
    for board in boards:
        load_board(board)
    start, out = time.perf_counter(), out.resolve()
    layers: dict[str, Layers] = {}
    cells: dict[tuple[str, str], dict[str, Any]] = {}

    def done(new: list[dict[str, Any]]) -> None:
        cells.update({(cell["network"], cell["board"]): cell for cell in new})
        show(len(cells), f"{new[-1]['network']} on {new[-1]['board']}")

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
                    done([_cell(result, board) for board in boards])
                else:
                    waiting |= {pool.submit(_estimate, result, board, out) for board in boards}
    except BrokenProcessPool as error:
        raise RadioMLError(
            "a process that estimates died; is there enough memory? Repeated, the command continues"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
        shutil.rmtree(out / _WORK, ignore_errors=True)
    return {
        "kind": "estimated, untrained weights",
        "margin_percent": FIT_MARGIN_PERCENT,
        "seconds": round(time.perf_counter() - start, 1),
        "networks": {name: asdict(layers[name]) for name in networks},
        "boards": {name: load_board(name).clock_mhz for name in boards},
        "cells": [cells[network, board] for network in networks for board in boards],
    }


def _layers(network: str, make_model: ModelMaker, out: Path) -> Layers:
    """Export a network, check it, and take it through all steps that are the same for every board."""
    from qonnx.core.modelwrapper import ModelWrapper

    folder = out / "networks" / network
    try:
        path = make_model(network, folder)
        key = _key("layers", sha256(path))
        if (kept := _kept(folder / "layers.json", key)) and (
            not kept["sha256"] or _is(folder / "layers.onnx", kept["sha256"])
        ):
            return Layers(**kept)
        onnx_model, metadata = load_exported(path)
        problems = [_problem(partial(check_model, ModelWrapper(onnx_model), metadata, until)) for until in _UNTIL]
        digest = known = ""
        if not problems[0]:
            known = remark(ModelWrapper(onnx_model))
            model = ModelWrapper(str(path))
            with _session(out) as work:
                for name, step in graph_steps(model, metadata, load_board(_any_board()), work):
                    if name in BOARD_STEPS:
                        break
                    model = step(model)
            with replacing(folder / "layers.onnx") as temporary:
                model.save(str(temporary))
            digest = sha256(folder / "layers.onnx")
        layers = Layers(network, *problems, known, digest)
        write_json(folder / "layers.json", {"key": key, "value": asdict(layers)})
        return layers
    except Exception as error:  # one network must not stop the others
        return Layers(network, _failure(network, error, out), failed=True)


def _estimate(layers: Layers, board_name: str, out: Path) -> dict[str, Any]:
    """The best folding of one network for one board, kept unless something unforeseen went wrong."""
    path = out / "cells" / layers.network / f"{board_name}.json"
    try:
        key = _key("cell", layers.sha256, sha256(CATALOGUE / f"{board_name}.yaml"), str(FIT_MARGIN_PERCENT))
        if kept := _kept(path, key):
            return kept
        cell = _choose(layers, board_name, out)
        write_json(path, {"key": key, "value": cell})
        return cell
    except Exception as error:  # one pair must not stop the others
        return _cell(layers, board_name, FAILED, _failure(f"{layers.network} on {board_name}", error, out))


def _choose(layers: Layers, board_name: str, out: Path) -> dict[str, Any]:
    from qonnx.core.modelwrapper import ModelWrapper

    folder, board = out / "networks" / layers.network, load_board(board_name)
    start = time.perf_counter()
    with _session(out) as work:
        _, metadata = load_exported(folder / "train" / "model.onnx")
        model = ModelWrapper(str(folder / "layers.onnx"))
        for name, step in graph_steps(model, metadata, board, work):
            if name in BOARD_STEPS:
                model = step(model)
        try:
            chosen, verdict, reason = choose_folding(model, board, Wish(margin_percent=FIT_MARGIN_PERCENT)), FITS, ""
        except DoesNotFitError as error:
            chosen, verdict = error.smallest, DOES_NOT_FIT
            reason = f"with PE = SIMD = 1 in every layer it needs {', '.join(error.excess)}"
    value = chosen.estimate
    return _cell(layers, board_name, verdict, reason) | {
        "cycles": value["interval_cycles"],
        "frames_per_second": value["frames_per_second"],
        **{name: value["total"][name] for name in RESOURCES},
        "limit": value["folded"]["limit"] if verdict == FITS else "",
        "seconds": round(time.perf_counter() - start, 2),
    }


def _cell(layers: Layers, board: str, verdict: str = "", reason: str = "") -> dict[str, Any]:
    verdict = verdict or (FAILED if layers.failed else NOT_BUILDABLE)
    return {"network": layers.network, "board": board, "verdict": verdict, "reason": reason or layers.problem}


def _problem(check: Callable[[], None]) -> str:
    """What a check says without its first line, which names the goal that is known here; "" when it passes."""
    try:
        check()
    except RadioMLError as error:
        return "\n".join(line.strip() for line in str(error).split("\n")[1:])
    return ""


def _any_board() -> str:
    return min(path.stem for path in CATALOGUE.glob("*.yaml"))


def _key(*parts: str) -> str:
    return hashlib.sha256(json.dumps([parts, _tool()]).encode()).hexdigest()


@cache
def _tool() -> tuple[str, dict[str, str]]:
    return tool_digest(), versions()


def _kept(path: Path, key: str) -> dict[str, Any] | None:
    try:
        content = read_json(path)
    except RadioMLError:
        return None
    return content["value"] if content.get("key") == key else None


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


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
