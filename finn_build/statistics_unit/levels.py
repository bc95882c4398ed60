"""Operations on single elements that round or limit: quantisers, `Clip`, `Relu`."""

from __future__ import annotations

import math

import numpy as np

from finn_build.statistics_unit.elements import Elements, by_wire, unit_of
from finn_build.statistics_unit.ranges import add_level
from finn_build.statistics_unit.wires import Level, Wires


def rounded(wires: Wires, x: Elements, scale: float, low: float | None, high: float | None) -> Elements:
    """x / scale rounded to integers, halves to the even one, not outside low to high; the result times scale."""
    flat = x.flat()
    flat = Elements(
        flat.wire,
        flat.slot,
        flat.gain,
        np.where(flat.wire < 0, _round(flat.offset / scale, low, high) * scale, flat.offset),
    )
    for wire, index in by_wire(flat):
        for chosen in _groups(flat, index):
            factors, offsets, tables = _tables(wires, flat, wire, chosen, scale)
            shift = _fraction_bits(factors)
            halves = np.ldexp(offsets + 0.5, shift)
            ties = halves == np.rint(halves)
            if (ties & (np.rint(halves) % np.gcd(np.ldexp(factors, shift).astype(np.int64), 1 << shift) == 0)).any():
                shift = max(shift, _fraction_bits(offsets + 0.5))
                halves, to_even = np.ldexp(offsets + 0.5, shift), True
            else:
                to_even = False
            level = Level(
                wire, _integers(np.ldexp(factors, shift), tables), _integers(np.floor(halves), tables), shift, to_even,
                None if low is None else int(low), None if high is None else int(high),
            )  # fmt: skip
            flat = _replaced(wires, flat, chosen, level, scale)
    return flat.moved(lambda part: part.reshape(x.shape))


def limited(wires: Wires, x: Elements, low: float | None, high: float | None) -> Elements:
    """x, not outside low to high."""
    flat = x.flat()
    flat = Elements(
        flat.wire, flat.slot, flat.gain, np.where(flat.wire < 0, np.clip(flat.offset, low, high), flat.offset)
    )
    for wire, index in by_wire(flat):
        for chosen in _groups(flat, index):
            bounds = [bound for bound in (low, high) if bound is not None]
            unit = unit_of([*flat.gain[chosen], *flat.offset[chosen], *bounds])
            factors, offsets, tables = _tables(wires, flat, wire, chosen, unit)
            least, most = (None if bound is None else int(bound / unit) for bound in (low, high))
            level = Level(wire, _integers(factors, tables), _integers(offsets, tables), least=least, most=most)
            flat = _replaced(wires, flat, chosen, level, unit)
    return flat.moved(lambda part: part.reshape(x.shape))


def plain(wires: Wires, x: Elements) -> Elements:
    """The same numbers on wires that carry them without an offset, and with one gain a wire."""
    flat = x.flat()
    uneven = [
        index for wire, index in by_wire(flat) if flat.offset[index].any() or len(np.unique(flat.gain[index])) > 1
    ]
    if not uneven:
        return x
    index = np.concatenate(uneven)
    changed = limited(wires, flat[index], None, None)
    parts = [part.copy() for part in flat.parts()]
    for part, new in zip(parts, changed.parts(), strict=True):
        part[index] = new
    return Elements(*parts).moved(lambda part: part.reshape(x.shape))


def _round(values: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    return np.clip(np.rint(values), -np.inf if low is None else low, np.inf if high is None else high)


def _groups(flat: Elements, index: np.ndarray) -> list[np.ndarray]:
    """Elements of one wire, apart where one slot of it is needed with different gains or offsets."""
    keys = np.stack([flat.slot[index], flat.gain[index], flat.offset[index]])
    if np.unique(keys, axis=1).shape[1] == len(np.unique(flat.slot[index])):
        return [index]
    _, group = np.unique(keys[1:], axis=1, return_inverse=True)
    return [index[group.ravel() == number] for number in range(int(group.max()) + 1)]


def _tables(
    wires: Wires, flat: Elements, wire: int, index: np.ndarray, unit: float
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Gains and offsets in units, one number, or one a slot of the wire, and whether they are tables."""
    gain, offset = flat.gain[index] / unit, flat.offset[index] / unit
    if (gain == gain[0]).all() and (offset == offset[0]).all():
        return gain[:1], offset[:1], False
    slots = wires[wire].slots
    at = np.array([slots.index(int(slot)) for slot in flat.slot[index]])
    gains, offsets = np.full(slots.count, gain[0]), np.full(slots.count, offset[0])
    gains[at], offsets[at] = gain, offset
    return gains, offsets, True


def _fraction_bits(values: np.ndarray) -> int:
    return max(0, -int(math.log2(unit_of(values.ravel()))))


def _integers(values: np.ndarray, table: bool) -> tuple[int, ...]:
    integers = tuple(int(value) for value in values)
    return integers[:1] if table and len(set(integers)) == 1 else integers


def _replaced(wires: Wires, flat: Elements, index: np.ndarray, level: Level, unit: float) -> Elements:
    """The row where some elements become a level; what is no more than a factor stays a gain."""
    source = wires[level.source]
    if len(level.factors) == 1 and level.offsets == (0,) and not level.shift:
        low, high = sorted(level.factors[0] * end for end in (source.low, source.high))
        if (level.least is None or low >= level.least) and (level.most is None or high <= level.most):
            return flat.with_wires(index, level.source, flat.slot[index], unit * level.factors[0])
    return flat.with_wires(index, add_level(wires, level), flat.slot[index], unit)
