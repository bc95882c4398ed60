"""Labels as others write them: one-hot, numbers or names, in any type and order, become classes and SNRs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from radioml.constants import CLASSES, SNRS_DB
from radioml.data.class_names import SHIPPED_ORDER, class_index
from radioml.data.dataset import is_one_hot
from radioml.data.importing.arrays import Array
from radioml.errors import RadioMLError
from radioml.suggest import did_you_mean

_ROWS = 1 << 16
_SHIPPED = [class_index(name) for name in SHIPPED_ORDER]
UNKNOWN = -1
"""Class index of frames whose class RadioML 2018.01A does not have."""


@dataclass
class ClassOrder:
    """The classes of the columns or numbers of labels.

    names: class names in order; None: RadioML's own order. first: number of the first class; None: to be found out.
    notes: conclusions, one sentence each.
    """

    names: Sequence[str] | None = None
    first: int | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep a conclusion, once."""
        if text not in self.notes:
            self.notes.append(text)

    def indices(self, columns: int | None, where: str) -> list[int]:
        """Class index of each column or number, `UNKNOWN` of names that RadioML does not have."""
        if self.names is None:
            if columns not in (None, len(CLASSES)):
                raise RadioMLError(
                    f"{where} has {columns} columns, one for each of {columns} classes: name them in their order, "
                    "--classes NAME,NAME,..."
                )
            return list(range(len(CLASSES)))
        found = [UNKNOWN if (index := class_index(name)) is None else index for name in self.names]
        if found == _SHIPPED:
            self.note(
                "classes.txt as it comes with RadioML 2018.01A has the wrong order: by it, the frames of constant "
                "envelope would be AM-DSB-WC instead of FM, and OOK would be 32PSK. Labels are taken in the order of "
                "the data set itself: OOK, 4ASK, 8ASK, BPSK ... GMSK, OQPSK"
            )
            return list(range(len(CLASSES)))
        if columns not in (None, len(found)):
            raise RadioMLError(f"{where} has {columns} columns, and {len(found)} classes are named for them")
        return found


def class_labels(array: Array, count: int, order: ClassOrder) -> np.ndarray:
    """Class index of each of `count` frames, int64, `UNKNOWN` of classes that RadioML does not have.

    Raises RadioMLError for labels that are neither one-hot nor numbers nor names, and where their order is not known.
    """
    where = f"{array.source}: {array}"
    axis, columns = _axis(array, count, where)
    if array.is_text:
        return _of_names(array, axis, order)
    indices = np.array(order.indices(columns, where)) if columns else None
    parts: list[np.ndarray] = []
    for rows in array.rows(axis, _ROWS):
        rows = rows.reshape(len(rows), -1)
        if indices is None:
            parts.append(_whole(rows[:, 0], where, len(parts) * _ROWS))
            continue
        if (wrong := ~is_one_hot(rows)).any():
            row = int(wrong.argmax())
            raise RadioMLError(f"{where}: row {len(parts) * _ROWS + row} is not one-hot: {rows[row].tolist()}")
        parts.append(indices[rows.argmax(1)])
    values = np.concatenate(parts)
    return values if indices is not None else _of_numbers(values, order, array, where)


def snr_labels(array: Array, count: int) -> np.ndarray:
    """SNR in dB of each of `count` frames, int64; raises RadioMLError for one that is off the grid."""
    where = f"{array.source}: {array}"
    axis, columns = _axis(array, count, where)
    if columns:
        raise RadioMLError(f"{where}: {columns} numbers a frame; expected one SNR a frame")
    values = np.concatenate([rows.reshape(len(rows)) for rows in array.rows(axis, _ROWS)])
    if array.is_text:
        values = _numbers(values, where)
    values = _whole(values, where, 0)
    if off := sorted(set(values.tolist()) - set(SNRS_DB)):
        raise RadioMLError(
            f"{where}: SNRs of {', '.join(map(str, off[:5]))}{' ...' if len(off) > 5 else ''} dB; the data set has "
            f"even ones from {SNRS_DB[0]} to {SNRS_DB[-1]} dB"
        )
    return values


def _axis(array: Array, count: int, where: str) -> tuple[int, int]:
    """The axis of an array that counts frames, and the columns of the other one, 0 where there is none."""
    if array.problem:
        raise RadioMLError(f"{where}: {array.problem}")
    if array.dtype.kind not in "fiubOSU":
        raise RadioMLError(f"{where}: neither numbers nor names")
    axes = [axis for axis, size in enumerate(array.shape) if size == count]
    if not axes or len(array.shape) > 2:
        raise RadioMLError(f"{where}: expected labels of {count} frames")
    axis = axes[-1] if array.last_is_slowest else axes[0]
    columns = int(np.prod([size for other, size in enumerate(array.shape) if other != axis]))
    return axis, columns if columns > 1 else 0


def _whole(values: np.ndarray, where: str, first: int) -> np.ndarray:
    numbers = np.asarray(values, np.float64)
    wrong = ~np.isfinite(numbers) | (numbers != np.floor(numbers)) | (np.abs(numbers) > 1e6)
    if wrong.any():
        row = int(wrong.argmax())
        raise RadioMLError(f"{where}: row {first + row} is {numbers[row]:g}, not a whole number")
    return numbers.astype(np.int64)


def _numbers(names: np.ndarray, where: str) -> np.ndarray:
    """Numbers in text, with or without dB."""
    try:
        return np.array([float(_text(name).lower().removesuffix("db")) for name in names])
    except ValueError as error:
        raise RadioMLError(f"{where}: {error}") from error


def _of_names(array: Array, axis: int, order: ClassOrder) -> np.ndarray:
    names = [_text(name) for rows in array.rows(axis, _ROWS) for name in rows.ravel()]
    known = {name: class_index(name) for name in set(names)}
    if order.names is not None and [class_index(name) for name in order.names] == _SHIPPED:
        order.indices(None, array.name)  # says why
        order.note("the names in the file come from that list and are corrected")
        known = {name: UNKNOWN if index is None else _SHIPPED.index(index) for name, index in known.items()}
    return np.array([UNKNOWN if known[name] is None else known[name] for name in names], np.int64)


def _of_numbers(values: np.ndarray, order: ClassOrder, array: Array, where: str) -> np.ndarray:
    lowest, highest = int(values.min()), int(values.max())
    indices = order.indices(None, where)
    first = order.first
    if first is None:
        if lowest == 0:
            first = 0
        elif lowest >= 1 and highest == len(indices):
            first = 1
            order.note(f"{array.name}: class numbers from 1 to {highest}, so 1 is the first class")
        else:
            raise RadioMLError(
                f"{where}: class numbers from {lowest} to {highest}: is the first class 0, as in Python, or 1, as in "
                "MATLAB? Say --first-class 0 or 1"
            )
    if lowest < first or highest >= first + len(indices):
        raise RadioMLError(
            f"{where}: class numbers from {lowest} to {highest}, of {len(indices)} classes from number {first} on; "
            "name the classes in their order, --classes NAME,NAME,..."
        )
    return np.array(indices)[values - first]


def _text(value: object) -> str:
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()


def unknown_classes(array: Array, order: ClassOrder) -> RadioMLError:
    """The error for labels with classes that RadioML does not have."""
    names: set[str] = set(order.names or ())
    if array.is_text:
        names |= {_text(name) for rows in array.rows(0, _ROWS) for name in rows.ravel()}
    unknown = sorted(name for name in names if class_index(name) is None)
    listed = ", ".join(f"{name!r}{did_you_mean(name, CLASSES).removesuffix('.')}" for name in unknown[:10])
    return RadioMLError(
        f"{array.source}: RadioML 2018.01A has no classes {listed}; --skip-unknown leaves their frames out"
    )
