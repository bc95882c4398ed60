"""From the files of others to one RadioML file, in two passes: all labels, then the frames in the order they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from radioml.constants import FULL_FRAMES_PER_CELL, SNRS_DB
from radioml.data.dataset import read_layout
from radioml.data.importing.arrays import Array, as_frames, frame_axes, in_memory
from radioml.data.importing.files import opened_arrays
from radioml.data.importing.labels import UNKNOWN, ClassOrder, class_labels, snr_labels, unknown_classes
from radioml.data.importing.order_check import OrderCheck
from radioml.data.importing.tables import Names, Part, find_parts
from radioml.data.layout import Layout, counts_of
from radioml.data.levels import LevelWatch, deviations
from radioml.data.provenance import REORDERED, SYNTHETIC_ATTRIBUTES, SYNTHETIC_MARK
from radioml.data.writing import write_part
from radioml.errors import RadioMLError

_FRAMES_AT_ONCE = 1024


@dataclass(frozen=True)
class Wanted:
    """How the files of others are to be read; what is None is found out.

    names: of the arrays. classes: names in the order of the labels' columns or numbers. first_class: number of the
    first class. snr_db: of all frames, where the files do not say. by_order: the files do not say, and their frames are
    in the published order. skip_unknown: leave out frames of classes that RadioML does not have. normalise: divide each
    frame by its standard deviation.
    """

    names: Names = field(default_factory=Names)
    classes: Sequence[str] | None = None
    first_class: int | None = None
    snr_db: int | None = None
    by_order: bool = False
    skip_unknown: bool = False
    normalise: bool = False


@dataclass
class Imported:
    """What was imported. layout: of the new file. notes: what was found and concluded. warnings: of levels."""

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
        labelled = _by_cells(sources, opened) + (_of_tables(tables, wanted, order) if tables else [])
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


@dataclass(frozen=True)
class _Labelled:
    """Frames of an array with the cell of each, int64 (N,), -1 for those left out. note: what was found."""

    frames: Array
    cells: np.ndarray
    note: str


class _UnusableFramesError(Exception):
    """Frames, by their rows, that have NaN or infinite samples: known when all were seen."""

    def __init__(self, rows: np.ndarray) -> None:
        super().__init__()
        self.rows = rows


class _Run:
    """One pass over the frames."""

    def __init__(
        self, parts: list[_Labelled], cells: np.ndarray, normalise: bool, progress: Callable[[int, int], object]
    ) -> None:
        self.parts, self.cells, self.normalise, self.progress = parts, cells, normalise, progress
        self.levels, self.order = LevelWatch(), OrderCheck()

    def blocks(self) -> Iterator[np.ndarray]:
        """Frames, float32 (n, 1024, 2), in the order they come; at the end what is wrong with them is raised."""
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


def _by_cells(sources: Sequence[Path], opened: Sequence[Any]) -> list[_Labelled]:
    """Of pickles {(modulation, SNR): frames}."""
    found = []
    for source, cells in zip(sources, opened, strict=True):
        if isinstance(cells, list):
            continue
        for (modulation, snr_db), frames in cells.items():
            array = in_memory(str(source), f"{modulation} at {snr_db} dB", frames)
            order = ClassOrder()
            names = in_memory(str(source), "modulation", np.array([modulation] * len(frames)))
            snrs = in_memory(str(source), "SNR", np.full(len(frames), snr_db))
            classes = class_labels(names, len(frames), order)
            if (classes == UNKNOWN).any():
                raise unknown_classes(names, order)
            place = classes * len(SNRS_DB) + np.searchsorted(SNRS_DB, snr_labels(snrs, len(frames)))
            found.append(_Labelled(array, place, f"{source}: {array}"))
    return found


def _of_tables(tables: Sequence[Sequence[Array]], wanted: Wanted, order: ClassOrder) -> list[_Labelled]:
    found = []
    for part in find_parts(tables, wanted.names):
        if order.names is None and part.names is not None:
            order = ClassOrder(_name_list(part.names), order.first, order.notes)
            order.note(f"class names in the file ({part.names.name}): {', '.join(order.names or ())}")
        classes = class_labels(part.classes, part.count, order)
        if (classes == UNKNOWN).any() and not wanted.skip_unknown:
            raise unknown_classes(part.classes, order)
        snrs = _snrs(part, wanted, classes)
        cells = np.where(classes == UNKNOWN, -1, classes * len(SNRS_DB) + np.searchsorted(SNRS_DB, snrs))
        labels = f"classes {part.classes}, " + (f"SNRs {part.snrs}" if part.snrs else "no SNRs")
        found.append(_Labelled(part.frames, cells, f"{part.frames.source}: frames {part.frames}, {labels}"))
    return found


def _name_list(array: Array) -> list[str]:
    names = array.read(0, 0, array.shape[0]).ravel()
    return [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names]


def _snrs(part: Part, wanted: Wanted, classes: np.ndarray) -> np.ndarray:
    """SNR in dB of each frame of a part, int64."""
    if part.snrs is not None:
        return snr_labels(part.snrs, part.count)
    if wanted.snr_db is not None:
        return np.full(part.count, wanted.snr_db)
    if not wanted.by_order:
        raise RadioMLError(
            f"{part.frames.source}: the frames of {part.frames.name} have no SNRs. Give --z NAME for an array of SNRs, "
            "--snr DB where all frames have one SNR, or --snr published for the published order: equally many frames "
            f"of a class at each SNR from {SNRS_DB[0]} to {SNRS_DB[-1]} dB"
        )
    counts = np.bincount(classes[classes >= 0])
    in_order = bool((np.diff(classes) >= 0).all())
    if not in_order or (counts % len(SNRS_DB)).any():
        raise RadioMLError(
            f"{part.frames.source}: not in the published order, in which one class follows the other, each with a "
            f"multiple of {len(SNRS_DB)} frames"
        )
    return np.concatenate([np.repeat(SNRS_DB, count // len(SNRS_DB)) for count in counts if count])


def _attributes(sources: Sequence[Path], cells: np.ndarray, wanted: Wanted) -> tuple[dict[str, Any], list[str]]:
    """Where the frames came from, with the marks of a synthetic file, and a note on a source that needs no import."""
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
