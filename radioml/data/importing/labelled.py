"""The frames of others' files with the cell of each: class and SNR from labels, from the user, or from the order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from radioml.constants import SNRS_DB
from radioml.data.importing.arrays import Array, in_memory
from radioml.data.importing.labels import UNKNOWN, ClassOrder, class_labels, snr_labels, unknown_classes
from radioml.data.importing.tables import Names, Part, find_parts
from radioml.errors import RadioMLError


@dataclass(frozen=True)
class Wanted:
    """How to read the files of others; None: to be found out.

    names: of the arrays. classes: names in the order of the labels' columns or numbers. first_class: number of the
    first class. snr_db: SNR of all frames of files without SNRs. by_order: the files have no SNRs, and their frames are
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


@dataclass(frozen=True)
class Labelled:
    """Frames of an array with the cell of each, int64 (N,), -1 for those left out. note: what was found."""

    frames: Array
    cells: np.ndarray
    note: str


def of_cells(sources: Sequence[Path], opened: Sequence[Any]) -> list[Labelled]:
    """The frames of pickles {(modulation, SNR): frames}."""
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
            found.append(Labelled(array, place, f"{source}: {array}"))
    return found


def of_tables(tables: Sequence[Sequence[Array]], wanted: Wanted, order: ClassOrder) -> list[Labelled]:
    """The frames of files whose arrays are tables: frames, classes, SNRs."""
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
        found.append(Labelled(part.frames, cells, f"{part.frames.source}: frames {part.frames}, {labels}"))
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
