"""Makes one RadioML file of others' files, in two passes: all labels, then the frames in the order they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from radioml.constants import FULL_FRAMES_PER_CELL, SNRS_DB
from radioml.data.dataset import read_layout
from radioml.data.importing.arrays import as_frames, frame_axes
from radioml.data.importing.files import opened_arrays
from radioml.data.importing.labelled import Labelled, Wanted, of_cells, of_tables
from radioml.data.importing.labels import ClassOrder
from radioml.data.importing.order_check import OrderCheck
from radioml.data.layout import Layout, counts_of
from radioml.data.levels import LevelWatch, deviations
from radioml.data.provenance import REORDERED, SYNTHETIC_ATTRIBUTES, SYNTHETIC_MARK
from radioml.data.writing import write_part
from radioml.errors import RadioMLError

_FRAMES_AT_ONCE = 1024


@dataclass
class Imported:
    """What was imported. layout: of the new file. notes: findings and conclusions. warnings: about levels."""

    layout: Layout
    notes: list[str] = field(default_factory=list)
    warnings: tuple[str, ...] = ()


def import_data(
    sources: Sequence[Path],
    path: Path,
    wanted: Wanted,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Imported:
    """Write the frames of some files as one RadioML file, by class and SNR, within a cell in the order they come.

    Memory holds the labels and a thousand frames at a time (all of a pickle, and of a MATLAB file before 7.3). Frames
    with NaN or infinite samples are left out and counted. The new file appears under its name when it is complete.
    progress: called with the number of frames done and of all.

    Raises RadioMLError for files that cannot be read, labels that cannot be told or contradict the signals, and a full
    disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    order = ClassOrder(wanted.classes, wanted.first_class)
    with ExitStack() as stack:
        opened = [stack.enter_context(opened_arrays(source, path.parent)) for source in sources]
        tables = [arrays for arrays in opened if isinstance(arrays, list)]
        labelled = of_cells(sources, opened) + (of_tables(tables, wanted, order) if tables else [])
        cells = np.concatenate([part.cells for part in labelled])
        if (cells < 0).all():
            raise RadioMLError(f"{sources[0]}: no frame of a class that RadioML 2018.01A has")
        result = Imported(Layout(np.empty(0)), [*(part.note for part in labelled), *order.notes])
        if skipped := int((cells < 0).sum()):
            result.notes.append(f"{skipped:,} frames of other classes: left out")
        attributes, note = _attributes(sources, cells, wanted)
        result.notes += note
        while True:
            run = _Run(labelled, cells, wanted.normalise, progress)
            try:
                write_part(path, cells, run.blocks(), attributes)
            except _UnusableFramesError as error:
                cells[error.rows] = -1
                result.notes.append(f"{len(error.rows):,} frames with NaN or infinite samples: left out")
                if (cells < 0).all():
                    raise RadioMLError(f"{sources[0]}: all frames have NaN or infinite samples") from error
                continue
            break
    result.layout = Layout(counts_of(cells[cells >= 0]))
    result.notes += _on_order(cells, result.layout)
    result.warnings = run.levels.warnings()
    return result


class _UnusableFramesError(Exception):
    """Frames, by their rows, that have NaN or infinite samples: known when all were seen."""

    def __init__(self, rows: np.ndarray) -> None:
        super().__init__()
        self.rows = rows


class _Run:
    """One pass over the frames."""

    def __init__(
        self, parts: list[Labelled], cells: np.ndarray, normalise: bool, progress: Callable[[int, int], object]
    ) -> None:
        self.parts, self.cells, self.normalise, self.progress = parts, cells, normalise, progress
        self.levels, self.order = LevelWatch(), OrderCheck()

    def blocks(self) -> Iterator[np.ndarray]:
        """Frames, float32 (n, 1024, 2), in the order they come; raises at the end for unusable frames and wrong
        labels."""
        done, unusable = 0, []
        for part in self.parts:
            axes = frame_axes(part.frames)
            assert axes is not None
            for rows in part.frames.rows(axes.frames, _FRAMES_AT_ONCE):
                iq = as_frames(rows, axes)
                cells = self.cells[done : done + len(iq)]
                bad = (cells >= 0) & ~np.isfinite(iq).all((1, 2))
                unusable.append(done + np.flatnonzero(bad))
                if self.normalise:
                    iq = _normalised(iq, ~bad)
                looked_at = (cells >= 0) & ~bad
                self.levels.add(iq[looked_at], cells[looked_at] // len(SNRS_DB))
                self.order.add(iq[looked_at], cells[looked_at])
                done += len(iq)
                self.progress(done, len(self.cells))
                yield iq
        if len(rows := np.concatenate(unusable)):
            raise _UnusableFramesError(rows)
        if contradiction := self.order.contradiction():
            raise RadioMLError(f"the labels contradict the signals: {contradiction}")


def _normalised(iq: np.ndarray, usable: np.ndarray) -> np.ndarray:
    deviation = np.ones(len(iq))
    deviation[usable] = deviations(iq[usable])
    return (iq / np.where(deviation > 0, deviation, 1)[:, None, None]).astype(np.float32)


def _attributes(sources: Sequence[Path], cells: np.ndarray, wanted: Wanted) -> tuple[dict[str, Any], list[str]]:
    """Attributes for the source and a synthetic file's marks, and a note on a source that needs no import."""
    attributes: dict[str, Any] = {"imported_from": ", ".join(source.name for source in sources)}
    if len(sources) > 1:
        return attributes, []
    (source,) = sources
    try:
        layout = read_layout(source)
    except RadioMLError:
        layout, note = None, []
    else:
        note = [f"{source} is a RadioML file already; `radioml data subset` keeps its split and its origin"]
    if (marks := _marks(source)).get("generator") == SYNTHETIC_MARK:
        attributes |= {name: marks[name] for name in SYNTHETIC_ATTRIBUTES if name in marks}
        same = layout is not None and layout.cut_from is None and (cells >= 0).all() and not wanted.normalise
        attributes |= {} if same else {REORDERED: 1}
    return attributes, note


def _marks(source: Path) -> dict[str, Any]:
    """The attributes of an HDF5 file; none of another one."""
    import h5py

    try:
        with h5py.File(source) as file:
            return dict(file.attrs)
    except OSError:
        return {}


def _on_order(cells: np.ndarray, layout: Layout) -> list[str]:
    """What the order of the frames means for the split."""
    kept = cells[cells >= 0]
    if (np.diff(kept) >= 0).all():
        if layout.frames_per_cell == FULL_FRAMES_PER_CELL:
            return [
                f"cells of {FULL_FRAMES_PER_CELL} frames in order: the split is the official one, if no frame moved"
            ]
        return []
    return [
        "frames came in another order and were sorted: the split is fixed, but not the official one, whose test frames "
        "may be in any part"
    ]
