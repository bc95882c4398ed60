"""The cache of a RadioML file as integers of the input quantiser: converted once, mapped into memory by every run.

The cache is a folder `NAME.cache`. `source.json` has the data file's SHA-256. `8bit-0.015625.int8` has all frames as
int8 (N, 1024, 2), 2 KiB a frame (5.2 GB for the full set); the `.json` of the same name says from what it was made. The
cache is exact: the input quantiser maps every value of its own grid to itself.

`radioml.data.source_digest` says where the folder lies, and when the file's SHA-256 is trusted. A copied or touched
file is hashed again, and converted again only if its content differs.

The CRC-32 of the cache is compared at every start: one pass at about 2 GB/s (2.4 s for the full set), or at the speed
of the disk. The pass also reads the pages in sequence before they are drawn at random.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from radioml.constants import FRAME_LENGTH
from radioml.contract.quantiser import InputQuantiser
from radioml.data.dataset import open_dataset, read_layout, read_slice
from radioml.data.levels import LevelWatch
from radioml.data.source_digest import Progress, cache_folders, json_record, source_sha256, writable_folder
from radioml.errors import RadioMLError
from radioml.files import CACHE_VARIABLE, write_json
from training.data.cache_file import exclusive, intact, mapped

_FORMAT = 2  # of layout and acceptance rules; a cache of another format is converted again
_FRAMES_AT_ONCE = 4096


def quantised_frames(
    path: Path, quantiser: InputQuantiser, progress: Progress, warn: Callable[[str], object] = lambda warning: None
) -> np.ndarray:
    """All frames of a RadioML file as a read-only map, int8 (N, 1024, 2), in the order of the file.

    Without an intact cache for this quantiser, the file is converted; if another process is converting it, this one
    waits. A killed conversion leaves a `.partial` file, which the next conversion overwrites.

    Args:
        path: the data file.
        quantiser: of the network's input.
        progress: called with the current work, how much is done, and of how much.
        warn: called with a sentence for each oddity in the level of the frames.

    Raises:
        RadioMLError: for a file that is foreign, damaged or has NaN or infinite samples, and where the cache cannot be
            written.
    """
    shape = (read_layout(path).frames, FRAME_LENGTH, 2)
    made_from = {
        "format": _FORMAT, "source_sha256": source_sha256(path, progress), "shape": list(shape),
        "bits": quantiser.bits, "scale": quantiser.scale,
    }  # fmt: skip
    name = f"{quantiser.bits}bit-{quantiser.scale!r}.int8"
    for folder in cache_folders(path):
        if intact(folder / name, made_from, progress):
            return _mapped(folder / name, shape, warn)
    target = writable_folder(path) / name
    try:
        _convert(path, quantiser, target, made_from, progress)
    except OSError as error:
        megabytes = np.prod(shape, dtype=np.int64) / 1e6
        raise RadioMLError(
            f"{target.parent}: cannot write the cache of {path.name}: {error}; it takes {megabytes:,.0f} MB: make room "
            f"there, or let the environment variable {CACHE_VARIABLE} name another folder"
        ) from error
    return _mapped(target, shape, warn)


def _mapped(target: Path, shape: tuple[int, ...], warn: Callable[[str], object]) -> np.ndarray:
    for warning in json_record(target.with_suffix(".json")).get("warnings", ()):
        warn(warning)
    return mapped(target, np.int8, shape)


def _convert(
    path: Path, quantiser: InputQuantiser, target: Path, made_from: dict[str, Any], progress: Progress
) -> None:
    """Write `target` and its record, unless another process did; raises OSError where the disk refuses."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with exclusive(partial) as file:
        try:
            if intact(target, made_from, progress):
                partial.unlink()
                return
            file.truncate(0)
            os.posix_fallocate(file.fileno(), 0, int(np.prod(made_from["shape"], dtype=np.int64)))
            levels = LevelWatch(-quantiser.minimum * quantiser.scale)
            crc = _write_integers(path, quantiser, file, levels, progress)
            if source_sha256(path, progress) != made_from["source_sha256"]:
                raise RadioMLError(f"{path}: the file changed while it was read; start again when it is complete")
            # The record is written first: after the rename another process may lock a new `partial`.
            write_json(target.with_suffix(".json"), {**made_from, "crc32": crc, "warnings": levels.warnings()})
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def _write_integers(
    path: Path, quantiser: InputQuantiser, file: BinaryIO, levels: LevelWatch, progress: Progress
) -> int:
    """Write all frames of a RadioML file as int8; returns the CRC-32 of the bytes."""
    crc, layout = 0, read_layout(path)
    with open_dataset(path) as source:
        frames = source["X"]
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            iq = read_slice(path, frames, start, start + _FRAMES_AT_ONCE).astype(np.float32, copy=False)
            quantised = quantiser.frames(iq)
            if not quantised.usable.all():
                raise RadioMLError(
                    f"{path}: frame {start + int(quantised.usable.argmin())} contains NaN or infinite samples; "
                    f"`radioml data check {path}` says which others do"
                )
            levels.add(iq, layout.labels(np.arange(start, start + len(iq)))[0])
            file.write(quantised.integers.data)
            crc = zlib.crc32(quantised.integers.data, crc)
            progress(f"converting {path.name} to int8", start + len(quantised.usable), len(frames))
        file.flush()
    return crc
