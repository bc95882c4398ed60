"""The unit in NumPy integers, wire by wire: what its RTL must give."""

from __future__ import annotations

import numpy as np

from finn_build.statistics_unit.elements import by_wire
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import (
    Hold,
    Input,
    Interleave,
    Level,
    Product,
    Recall,
    Reduce,
    Running,
    Serial,
    Sum,
    Table,
    Term,
    Wire,
)  # fmt: skip

_ACCUMULATED = {"sum": np.add, "max": np.maximum, "min": np.minimum}


class Evaluation:
    """What every wire carries for some frames.

    integers: int8 (N, 1024, 2).
    """

    def __init__(self, unit: Unit, integers: np.ndarray) -> None:
        self._unit = unit
        words = integers.reshape(len(integers), unit.beats, -1).astype(np.int64)
        self._values: list[np.ndarray] = []
        for wire in unit.wires:
            self._values.append(self._compute(wire, words))

    def __getitem__(self, wire: int) -> np.ndarray:
        """int64 (N, slots)."""
        return self._values[wire]

    @property
    def logits(self) -> np.ndarray:
        """int64 (N, classes)."""
        return self._values[self._unit.output]

    def tensor(self, name: str) -> np.ndarray:
        """A tensor of the graph, float64 (N, ...), the batch's 1 left out."""
        elements = self._unit.tensors[name]
        row = elements.flat()
        values = np.zeros((len(self.logits), len(row.wire)))
        for wire, index in by_wire(row):
            values[:, index] = self._at(wire, row.slot[index])
        values = values * row.gain + row.offset
        return values.reshape(len(values), *elements.shape[1:])

    def _compute(self, wire: Wire, words: np.ndarray) -> np.ndarray:
        slots = np.array(list(wire.slots))
        match wire.operation:
            case Input(element):
                return words[:, :, element]
            case Level():
                return level_of(wire.operation, self._values[wire.operation.source])
            case Sum(terms):
                return np.asarray(sum(term.coefficient * self._term(term, slots) for term in terms))
            case Product(left, right):
                return self._term(left, slots) * self._term(right, slots)
            case Reduce():
                return self._reduce(wire.operation, slots)
            case Hold(source, slot):
                return self._at(source, np.array([slot]))
            case Serial(sources):
                return np.concatenate([self._values[source] for source in sources], 1)
            case Interleave(turns):
                return np.asarray(sum(self._at(source, slots - later) for source, later in turns))
            case Recall(order):
                return np.concatenate([self._at(source, np.array([slot])) for source, slot in order], 1)
            case Table(source, table, _):
                places = self._at(source, slots) - self._unit.wires[source].low
                return np.array(table)[np.clip(places, 0, len(table) - 1)]
            case Running(kind, source, starts):
                parts = np.split(self._values[source], np.array(starts[1:]) - starts[0], axis=1)
                return np.concatenate([_ACCUMULATED[kind].accumulate(part, axis=1) for part in parts], axis=1)

    def _term(self, term: Term, slots: np.ndarray) -> np.ndarray:
        return self._at(term.source, slots - term.delay)

    def _at(self, source: int, slots: np.ndarray) -> np.ndarray:
        """What a wire carries at slots; 0 where it carries nothing."""
        wire, values = self._unit.wires[source], self._values[source]
        if wire.held:
            return np.broadcast_to(values, (len(values), len(slots)))
        place, rest = np.divmod(slots - wire.slots.first, wire.slots.step)
        there = (rest == 0) & (place >= 0) & (place < wire.slots.count)
        return np.where(there, values[:, np.where(there, place, 0)], 0)

    def _reduce(self, reduce: Reduce, slots: np.ndarray) -> np.ndarray:
        """Results at `slots`; 0 at those that lie between two groups of interleaved windows."""
        shape = (reduce.windows, reduce.count, reduce.interleave)
        read = reduce.first + reduce.step * np.arange(int(np.prod(shape)))
        values = self._at(reduce.source, read).reshape(-1, *shape)
        found = _ACCUMULATED[reduce.kind].reduce(values, axis=2)
        ends = read.reshape(shape)[:, -1, :].ravel()
        result = np.zeros((len(values), len(slots)), np.int64)
        needed = ends <= slots[-1]
        result[:, np.searchsorted(slots, ends[needed])] = found.reshape(len(values), -1)[:, needed]
        return result


def level_of(level: Level, values: np.ndarray) -> np.ndarray:
    """What a level makes of integers."""
    total = np.array(level.factors) * values + np.array(level.offsets)
    result = total >> level.shift
    if level.to_even:
        result = result - ((total == result << level.shift) & (result & 1))
    result = result if level.least is None else np.maximum(result, level.least)
    return result if level.most is None else np.minimum(result, level.most)
