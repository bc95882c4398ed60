"""A tensor of the graph in terms of wires: each element is gain x what a wire carries at a slot + offset."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from finn_build.statistics_unit.wires import Slots
from radioml.errors import RadioMLError

CONSTANT = -1
"""In the place of a wire: the element is its offset."""
_FRACTION = 48
"""Most bits behind the point of a number in the graph."""


@dataclass(frozen=True)
class Elements:
    """Arrays of the tensor's shape, the leading 1 of a batch included.

    wire, slot: int64. gain, offset: float64, exact multiples of 2^-48.
    """

    wire: np.ndarray
    slot: np.ndarray
    gain: np.ndarray
    offset: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the tensor."""
        return self.wire.shape

    def moved(self, move: Callable[[np.ndarray], np.ndarray]) -> Elements:
        """The tensor that an operation on its shape or order makes of it."""
        return Elements(*(move(part) for part in self.parts()))

    def parts(self) -> tuple[np.ndarray, ...]:
        """The four arrays."""
        return self.wire, self.slot, self.gain, self.offset

    def flat(self) -> Elements:
        """As one row."""
        return self.moved(np.ravel)

    def scaled(self, factor: np.ndarray) -> Elements:
        """The tensor times constants."""
        wire, slot, factor = np.broadcast_arrays(self.wire, self.slot, factor)
        gain, offset = dyadic(self.gain * factor), dyadic(self.offset * factor)
        return Elements(np.where(gain == 0, CONSTANT, wire), slot, gain, offset)

    def shifted(self, constant: np.ndarray) -> Elements:
        """The tensor plus constants."""
        wire, slot, gain, constant = np.broadcast_arrays(self.wire, self.slot, self.gain, constant)
        return Elements(wire, slot, gain, dyadic(self.offset + constant))

    def __getitem__(self, index: np.ndarray) -> Elements:
        """Elements of a row."""
        return self.moved(lambda part: part[index])

    def with_wires(self, index: np.ndarray, wire: int, slot: np.ndarray, gain: float) -> Elements:
        """A row in which the elements `index` are those of another wire, without offset."""
        parts = [part.copy() for part in self.parts()]
        for part, value in zip(parts, (wire, slot, gain, 0.0), strict=True):
            part[index] = value
        return Elements(*parts)


def constants(values: np.ndarray) -> Elements:
    """A tensor of constants."""
    values = dyadic(np.asarray(values, np.float64))
    return Elements(np.full(values.shape, CONSTANT), np.zeros(values.shape, np.int64), np.zeros(values.shape), values)


def stack(parts: list[Elements], axis: int) -> Elements:
    """Tensors one after the other along an axis."""
    return Elements(*(np.concatenate(arrays, axis) for arrays in zip(*(part.parts() for part in parts), strict=True)))


def dyadic(values: np.ndarray) -> np.ndarray:
    """The values, if each is a multiple of 2^-48 below 2^52; raises RadioMLError for others."""
    wide = np.ldexp(values, _FRACTION)
    if not (np.isfinite(wide) & (wide == np.rint(wide))).all():
        wrong = values[~(np.isfinite(wide) & (wide == np.rint(wide)))].ravel()[0]
        raise RadioMLError(
            f"{wrong:.12g} is not a multiple of 2^-{_FRACTION}, so fixed point cannot hold it; round the constants "
            "to binary fractions before the export"
        )
    return values


def unit_of(values: Iterable[float]) -> float:
    """The largest power of two that all of these numbers are multiples of; 1 if all are 0."""
    common = 0
    for value in values:
        common |= int(math.ldexp(abs(value), _FRACTION))
    return math.ldexp(common & -common, -_FRACTION) if common else 1.0


def by_wire(elements: Elements) -> Iterator[tuple[int, np.ndarray]]:
    """Each wire that a row reads, and the indices of its elements there."""
    order = np.argsort(elements.wire, kind="stable")
    wires, starts = np.unique(elements.wire[order], return_index=True)
    for wire, index in zip(wires, np.split(order, starts[1:]), strict=True):
        if wire != CONSTANT:
            yield int(wire), index


def slots_around(slots: np.ndarray, serial: bool) -> Slots:
    """The shortest progression that has all of these slots."""
    distinct = np.unique(slots)
    step = int(np.gcd.reduce(np.diff(distinct))) if len(distinct) > 1 else 1
    return Slots(int(distinct[0]), step, int((distinct[-1] - distinct[0]) // step) + 1, serial)


def at_delay(slots: Slots, delay: int) -> Slots:
    """The slots at which what is read `delay` slots later was there."""
    return replace(slots, first=slots.first - delay)
