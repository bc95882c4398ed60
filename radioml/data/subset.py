"""Cuts a smaller file out of a RadioML file; every frame keeps its part of the split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from radioml.constants import CLASSES, SNRS_DB
from radioml.data.dataset import open_dataset, read_layout, read_rows
from radioml.data.layout import CutFrom, Layout, counts_of
from radioml.data.provenance import (
    CUT_SHA256,
    PUBLISHED_SHA256,
    REORDERED,
    SYNTHETIC_ATTRIBUTES,
    SYNTHETIC_MARK,
    Origin,
    origin,
)
from radioml.data.source_digest import Progress, silent
from radioml.data.split import fixed_split
from radioml.data.writing import write_part
from radioml.errors import RadioMLError

_FRAMES_AT_ONCE = 2048


def parse_snrs(text: str) -> list[int]:
    """SNRs in dB, of a list such as "-20,0,30" or a range such as "0..30"; raises RadioMLError for others."""
    try:
        snrs_db: list[int] = []
        for part in text.split(","):
            first, dots, last = part.partition("..")
            snrs_db += range(int(first), int(last) + 1, 2) if dots else [int(first)]
        if not snrs_db or not set(snrs_db) <= set(SNRS_DB):
            raise ValueError
    except ValueError as error:
        raise RadioMLError(
            f"SNRs {text!r}: give a list such as -20,0,30 or a range such as 0..30, of even numbers from "
            f"{SNRS_DB[0]} to {SNRS_DB[-1]}"
        ) from error
    return snrs_db


def write_subset(
    source: Path,
    path: Path,
    classes: Sequence[int] | None = None,
    snrs_db: Sequence[int] | None = None,
    frames_per_cell: int | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
    digesting: Progress = silent,
) -> Layout:
    """Write a file of some frames of a RadioML file; each stays in its part, train, validation or test.

    Returns the layout of the new file.

    Args:
        source: the file to cut.
        path: the file to write; it appears under its name when it is complete.
        classes: class indices to keep; default all.
        snrs_db: SNRs in dB to keep; default all.
        frames_per_cell: frames of each class at each SNR to keep, in the proportions of the split: the first ones of
            each part, in the order of its shuffle. A cell that has fewer is kept whole. Default all.
        progress: called with the number of frames written and of all.
        digesting: progress of the SHA-256 by which the published file is known.

    Raises:
        RadioMLError: the source is no RadioML file, has none of the frames, or the new file is too large for the disk.
    """
    whole = read_layout(source)
    where = origin(source, digesting)
    keep = np.zeros(whole.counts.shape, bool)
    keep[np.ix_(_rows(classes, len(CLASSES)), _columns(snrs_db))] = True
    if not whole.counts[keep].any():
        raise RadioMLError(f"{source}: has none of these frames; it holds {whole.frames} frames of {whole.scope}")
    positions = _positions(whole, keep, frames_per_cell)
    cells = whole.cells(positions)
    was = whole.cut_from or CutFrom(whole.counts, np.arange(whole.frames))
    layout = Layout(counts_of(cells), CutFrom(was.counts, was.index[positions]))
    done = 0

    def show(frames: int) -> None:
        nonlocal done
        done += frames
        progress(done, len(positions))

    write_part(path, cells, _frames(source, positions), _attributes(source, where), layout, show)
    return layout


def _rows(classes: Sequence[int] | None, count: int) -> list[int]:
    return list(range(count)) if classes is None else sorted(set(classes))


def _columns(snrs_db: Sequence[int] | None) -> list[int]:
    return [SNRS_DB.index(snr_db) for snr_db in (SNRS_DB if snrs_db is None else sorted(set(snrs_db)))]


def _positions(layout: Layout, keep: np.ndarray, frames_per_cell: int | None) -> np.ndarray:
    """Positions to keep, ascending; keep: bool (24, 26), the cells."""
    if frames_per_cell is None:
        every = np.arange(layout.frames)
        return every[keep.ravel()[layout.cells(every)]]
    small = fixed_split(Layout.full(frames_per_cell))
    split = fixed_split(layout)
    chosen, left_over = [], []
    for part in ("test", "validation", "train"):
        indices = getattr(split, part)
        cells = layout.cells(indices)
        rank = np.arange(len(indices)) - np.searchsorted(cells, cells)  # within the cell
        wanted = len(getattr(small, part)) // keep.size
        inside = keep.ravel()[cells]
        chosen.append(indices[inside & (rank < wanted)])
        left_over.append(indices[inside & (rank >= wanted)])
    positions = np.sort(np.concatenate(chosen))
    return _filled(layout, positions, np.concatenate(left_over), frames_per_cell)


def _filled(layout: Layout, positions: np.ndarray, left_over: np.ndarray, frames_per_cell: int) -> np.ndarray:
    """Positions, with frames of `left_over` added in cells that have fewer than `frames_per_cell`."""
    missing = frames_per_cell - counts_of(layout.cells(positions)).ravel()
    cells = layout.cells(left_over)
    order = np.argsort(cells, kind="stable")
    ranks = np.arange(len(order)) - np.searchsorted(cells[order], cells[order])
    return np.sort(np.concatenate([positions, left_over[order[ranks < missing[cells[order]]]]]))


def _frames(source: Path, positions: np.ndarray) -> Iterator[np.ndarray]:
    with open_dataset(source) as file:
        for start in range(0, len(positions), _FRAMES_AT_ONCE):
            yield read_rows(source, file["X"], positions[start : start + _FRAMES_AT_ONCE], np.float32)


def _attributes(source: Path, where: Origin) -> dict[str, Any]:
    """Marks by which the new file's origin is known, as `radioml.data.provenance.origin` reads them."""
    if where.kind == "real":
        return {CUT_SHA256: PUBLISHED_SHA256}
    with open_dataset(source) as file:
        if file.attrs.get("generator") != SYNTHETIC_MARK:
            return {}
        return {name: file.attrs[name] for name in (*SYNTHETIC_ATTRIBUTES, REORDERED) if name in file.attrs}
