"""Sums and extremes of elements: which become adders with delays, and which accumulators over time.

An element of the result is a weighted sum of elements of other tensors. Elements that read the same wires in the same
way, only at other slots, are one wire. A sum over many numbers of a wire, in windows that do not overlap, is an
accumulator; windows that overlap are sums of such.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from finn_build.statistics_unit.elements import CONSTANT, Elements, dyadic, slots_around, unit_of
from finn_build.statistics_unit.ranges import add_reduce, add_sum
from finn_build.statistics_unit.wires import Reduce, Slots, Term, Wires
from radioml.errors import RadioMLError

MOST_TAPS = 8
"""Delays of a wire in one sum; longer windows have to be accumulated."""
MIXED = "it joins numbers of single beats with results of the whole frame"
_Terms = tuple[tuple[int, int, float], ...]
"""(wire, slot, coefficient) of each term, sorted."""


@dataclass(frozen=True)
class _Windows:
    """What elements of a group read: `slots` (elements, count), the same of each wire; step: between neighbours."""

    slots: np.ndarray
    step: int


def weighted_sums(wires: Wires, rows: Elements, weights: np.ndarray, constant: np.ndarray | float = 0.0) -> Elements:
    """A row whose element e is constant[e] + the sum of weights[e, j] x rows[e, j].

    Raises RadioMLError for sums that neither adders nor accumulators give.
    """
    gains = dyadic(rows.gain * weights)
    found = [_terms_of(*row) for row in zip(rows.wire, rows.slot, gains, strict=True)]
    offset = dyadic(constant + (weights * rows.offset).sum(1))
    wire, slot, gain = sums_of_terms(wires, found)
    return Elements(wire, slot, gain, offset)


def _terms_of(wires: np.ndarray, slots: np.ndarray, gains: np.ndarray) -> _Terms:
    coefficients: dict[tuple[int, int], float] = defaultdict(float)
    for wire, slot, gain in zip(wires.tolist(), slots.tolist(), gains.tolist(), strict=True):
        if wire != CONSTANT and gain:
            coefficients[wire, slot] += gain
    return tuple(sorted((wire, slot, value) for (wire, slot), value in coefficients.items() if value))


def sums_of_terms(wires: Wires, found: Sequence[_Terms]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Wire, slot and gain of each sum."""
    wire, slot, gain = np.full(len(found), CONSTANT), np.zeros(len(found), np.int64), np.zeros(len(found))
    groups: dict[tuple[tuple[int, float], ...], list[int]] = defaultdict(list)
    for index, terms in enumerate(found):
        if len(terms) == 1:
            wire[index], slot[index], gain[index] = terms[0]
        elif terms:
            groups[_weights_by_wire(terms)].append(index)
    for weights, members in groups.items():
        results = _group(wires, weights, [found[i] for i in members])
        wire[members], slot[members], gain[members] = (np.array(part) for part in zip(*results, strict=True))
    return wire, slot, gain


def _weights_by_wire(terms: _Terms) -> tuple[tuple[int, float], ...]:
    """The wires of terms, each with its coefficient; NaN where a wire has several coefficients."""
    weights: dict[int, float] = {}
    for wire, _, coefficient in terms:
        weights[wire] = coefficient if weights.get(wire, coefficient) == coefficient else np.nan
    return tuple(weights.items())


def _group(
    wires: Wires, weights: tuple[tuple[int, float], ...], found: Sequence[_Terms]
) -> list[tuple[int, int, float]]:
    """Sums that read the same wires with the same coefficients."""
    windows = _windows(found, [wire for wire, _ in weights])
    if windows is None or any(np.isnan(weight) for _, weight in weights):
        return _taps(wires, found)
    at_once = [tuple((wire, slot, weight) for wire, weight in weights) for slot in np.unique(windows.slots).tolist()]
    summed = dict(zip(np.unique(windows.slots).tolist(), _taps(wires, at_once), strict=True))
    sources = {(wire, gain) for wire, _, gain in summed.values()}
    if len(sources) > 1 or any(slot != at for slot, (_, at, _) in summed.items()):
        return _taps(wires, found)
    ((source, gain),) = sources
    chunk = _chunk(windows)
    if chunk == 1:
        return _taps(wires, found)
    pieces = windows.slots.reshape(len(found), -1, chunk)
    starts = np.unique(pieces[:, :, 0])
    accumulated = reduced(wires, "sum", source, starts, windows.step, chunk)
    again = [tuple(sorted((*accumulated[start], gain) for start in row)) for row in pieces[:, :, 0].tolist()]
    return list(zip(*(part.tolist() for part in sums_of_terms(wires, again)), strict=True))


def _windows(found: Sequence[_Terms], read: Sequence[int]) -> _Windows | None:
    """The windows of a group, if each reads all wires at the same evenly spaced slots; None for others."""
    rows = []
    for terms in found:
        slots = [slot for wire, slot, _ in terms if wire == read[0]]
        if len(slots) * len(read) != len(terms) or len(slots) < 2:
            return None
        if any([slot for wire, slot, _ in terms if wire == other] != slots for other in read[1:]):
            return None
        rows.append(slots)
    if len({len(row) for row in rows}) > 1:
        return None
    table = np.array(rows)
    steps = np.unique(np.diff(table, axis=1))
    return _Windows(table, int(steps[0])) if len(steps) == 1 else None


def _chunk(windows: _Windows) -> int:
    """How many numbers windows can accumulate: all where none overlap, else those up to where the next one begins."""
    starts, count = windows.slots[:, 0], windows.slots.shape[1]
    distances = {
        int(distance)
        for rest in np.unique(starts % windows.step)
        for distance in np.diff(np.unique(starts[starts % windows.step == rest])) // windows.step
    }
    if all(distance >= count for distance in distances):
        return count
    chunk = int(np.gcd.reduce([count, *distances]))
    return chunk


def reduced(
    wires: Wires, kind: Literal["sum", "max", "min"], source: int, starts: np.ndarray, step: int, count: int
) -> dict[int, tuple[int, int]]:
    """Wire and slot with the result of each window of `count` slots, `step` apart, by the slot that it starts at.

    Raises RadioMLError for windows that do not take turns regularly.
    """
    used = np.unique(starts[:, None] + step * np.arange(count))
    apart = int(np.gcd.reduce(np.diff(used))) if len(used) > 1 else step
    interleave = step // apart
    first = int(starts.min())
    number, turn = np.divmod((starts - first) // apart, interleave * count)
    if (turn >= interleave).any():
        raise RadioMLError(f"its windows of {count} numbers, {step} slots apart, do not follow each other regularly")
    windows, last = int(number.max()) + 1, starts + (count - 1) * step
    results = windows if interleave == 1 else int(last.max() - last.min()) // apart + 1
    wire = add_reduce(wires, Reduce(kind, source, first, apart, interleave, count, windows, results))
    return {int(start): (wire, int(end)) for start, end in zip(starts, last, strict=True)}


def _taps(wires: Wires, found: Sequence[_Terms]) -> list[tuple[int, int, float]]:
    """Sums as adders of what wires carried some slots ago."""
    shapes: dict[tuple[tuple[int, int, float], ...], list[int]] = defaultdict(list)
    ends, units = [], []
    held = {wire: wires[wire].held for wire in {wire for terms in found for wire, _, _ in terms}}
    for index, terms in enumerate(found):
        end = max([slot for wire, slot, _ in terms if not held[wire]] or [slot for _, slot, _ in terms])
        unit = unit_of([coefficient for _, _, coefficient in terms]) if len(terms) > 1 else abs(terms[0][2])
        unit = -unit if terms[0][2] < 0 else unit
        shapes[
            tuple([(wire, 0 if held[wire] else end - slot, coefficient / unit) for wire, slot, coefficient in terms])
        ].append(index)
        ends.append(end)
        units.append(unit)
    results: list[tuple[int, int, float]] = [(CONSTANT, 0, 0.0)] * len(found)
    for shape, members in shapes.items():
        read = [Term(wire, int(coefficient), delay) for wire, delay, coefficient in shape]
        if len(read) == 1:
            made = read[0].source
        else:
            made = add_sum(wires, read, _slots(wires, read, [ends[i] for i in members]))
        for i in members:
            results[i] = (made, ends[i], units[i])
    return results


def _slots(wires: Wires, terms: Sequence[Term], ends: Sequence[int]) -> Slots:
    """Where a sum is needed. Raises RadioMLError for terms of the frame beside others of the serial part."""
    serial = {wires[term.source].slots.serial for term in terms if not wires[term.source].held}
    if len(serial) > 1 or (serial == {False} and any(wires[term.source].held for term in terms)):
        raise RadioMLError(MIXED)
    most = max(sum(term.source == wire for term in terms) for wire in {term.source for term in terms})
    if most > MOST_TAPS:
        raise RadioMLError(f"it adds {most} numbers of overlapping windows; {MOST_TAPS} are the most")
    return slots_around(np.array(ends), serial.pop() if serial else True)


def extremes(wires: Wires, kind: Literal["max", "min"], rows: Sequence[Elements]) -> Elements:
    """The maximum or minimum of each row of elements: of one wire with one gain and offset, or of constants.

    Raises RadioMLError for other rows.
    """
    results = []
    for row in rows:
        if (row.wire == CONSTANT).all():
            results.append((CONSTANT, 0, 0.0, float(row.offset.max() if kind == "max" else row.offset.min())))
            continue
        if any((part != part[0]).any() for part in (row.wire, row.gain, row.offset)):
            raise RadioMLError("it compares numbers of different signals; only those of one signal can be compared")
        slots, gain = np.sort(row.slot), float(row.gain[0])
        steps = np.unique(np.diff(slots))
        if len(steps) != 1:
            raise RadioMLError("it compares numbers that are not evenly spaced in time")
        of_wire: Literal["max", "min"] = kind if gain > 0 else ("min" if kind == "max" else "max")
        found = reduced(wires, of_wire, int(row.wire[0]), slots[:1], int(steps[0]), len(slots))
        results.append((*found[int(slots[0])], gain, float(row.offset[0])))
    wire, slot, gains, offsets = (np.array(part) for part in zip(*results, strict=True))
    return Elements(wire, slot, gains, offsets)
