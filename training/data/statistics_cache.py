"""The cache of a fixed front end's results for all frames of a file: computed once, mapped into memory by every run.

`statistics-DIGEST.int8` in the folder of `training.data.frame_cache` has a row of each frame, int8 (N, width), in the
order of the file; DIGEST is that of the front end, see `training.models.on_statistics`. The `.json` of the same name
says from what the rows were made, and is compared at every start as that of the frames is.

A computation that was interrupted goes on with the next block of frames: `.partial` has the rows so far, and
`.partial.json` how many they are and their CRC-32.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from radioml.constants import FRAME_LENGTH
from radioml.contract.quantiser import InputQuantiser
from radioml.data.source_digest import Progress, cache_folders, json_record, source_sha256, writable_folder
from radioml.errors import RadioMLError
from radioml.files import CACHE_VARIABLE, write_json
from training.data.cache_file import exclusive, intact, mapped
from training.data.frame_cache import quantised_frames
from training.models.on_statistics import OnStatistics

_FRAMES_AT_ONCE = 512
"""Frames in one call of the front end: enough to outweigh the overhead of small operations."""
_FRAMES_A_BLOCK = 16_384
"""Frames after which the progress is stored."""


def cached_statistics(
    path: Path,
    network: OnStatistics,
    quantiser: InputQuantiser,
    progress: Progress,
    warn: Callable[[str], object] = lambda warning: None,
) -> np.ndarray:
    """Rows of all frames of a RadioML file as a read-only map, int8 (N, width), in the order of the file.

    Args:
        path: the data file.
        network: its front end is applied.
        quantiser: of the network's input.
        progress, warn: as for `training.data.frame_cache.quantised_frames`.

    Raises:
        RadioMLError: for a file that is foreign or damaged, or that the network is not made for, and where the cache
            cannot be written.
    """
    digest, width = network.front_end_digest(), network.rows(torch.zeros(1, 2, FRAME_LENGTH)).shape[1]
    integers = quantised_frames(path, quantiser, progress, warn)
    made_from = {
        "source_sha256": source_sha256(path, progress), "shape": [len(integers), width], "front_end": digest,
        "scale": quantiser.scale,
    }  # fmt: skip
    name = f"statistics-{digest[:16]}.int8"
    shape = (len(integers), width)
    for folder in cache_folders(path):
        if intact(folder / name, made_from, progress):
            return mapped(folder / name, np.int8, shape)
    network.check_data(path)
    target = writable_folder(path) / name
    try:
        _compute(integers, network, quantiser.scale, target, made_from, progress)
    except OSError as error:
        raise RadioMLError(
            f"{target.parent}: cannot write the statistics of {path.name}: {error}; they take "
            f"{1e-6 * len(integers) * width:,.0f} MB: make room there, or let the environment variable "
            f"{CACHE_VARIABLE} name another folder"
        ) from error
    return mapped(target, np.int8, shape)


def _compute(
    integers: np.ndarray, network: OnStatistics, step: float, target: Path, made_from: dict[str, Any],
    progress: Progress,
) -> None:  # fmt: skip
    """Write `target` and its record, unless another process did; raises OSError where the disk refuses."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    record = partial.with_suffix(".partial.json")
    with exclusive(partial) as file:
        if not intact(target, made_from, progress):
            done, crc = _so_far(file, record, made_from)
            while done < len(integers):
                block = integers[done : done + _FRAMES_A_BLOCK]
                rows = block_rows(network, block, step)
                file.write(rows.data)
                file.flush()
                crc, done = zlib.crc32(rows.data, crc), done + len(block)
                write_json(record, {**made_from, "rows": done, "crc32": crc})
                progress("computing statistics", done, len(integers))
            # The record is written first: after the rename another process may lock a new `partial`.
            write_json(target.with_suffix(".json"), {**made_from, "crc32": crc})
            partial.replace(target)
        else:
            partial.unlink()
        record.unlink(missing_ok=True)


def _so_far(file: BinaryIO, record: Path, made_from: dict[str, Any]) -> tuple[int, int]:
    """How many rows an interrupted computation left in `file`, and their CRC-32; the file's position is behind them."""
    stored = json_record(record)
    done, length = stored.get("rows", 0), made_from["shape"][1]
    crc = zlib.crc32(file.read(done * length)) if {k: stored.get(k) for k in made_from} == made_from else -1
    if crc != stored.get("crc32"):
        done, crc = 0, 0
    file.truncate(done * length)
    file.seek(done * length)
    return done, crc


def block_rows(network: OnStatistics, integers: np.ndarray, step: float) -> np.ndarray:
    """Rows int8 (N, width) of frames int8 (N, 1024, 2); step: of the input quantiser."""
    with torch.no_grad():
        parts = []
        for start in range(0, len(integers), _FRAMES_AT_ONCE):
            some = torch.from_numpy(integers[start : start + _FRAMES_AT_ONCE].astype(np.float32) * np.float32(step))
            parts.append(network.rows(some.permute(0, 2, 1)))
        return torch.cat(parts).numpy()
