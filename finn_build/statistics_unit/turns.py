"""Behind a frame: which levels and weighted sums can take turns in shared circuits."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from finn_build.statistics_unit.stages import LUT_BITS, is_table, signed_bits
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Level, Serial, Sum, Wire, sources

Terms = dict[int, int]
"""Coefficients of a sum by the level that they weigh."""


@dataclass(frozen=True)
class Turns:
    """Levels and sums of a unit that can take turns, by their wires.

    levels: those of each group, which have the same depth, limits and rounding. depth: of each level; 0 where it reads
    what is held, else one more than the deepest level below it. sums: the terms of each sum; a level that reads another
    one has a sum of one term under its source. last: the sums whose results are the logits, in their order.
    """

    levels: dict[tuple[int, int, int, bool], list[int]]
    depth: dict[int, int]
    sums: dict[int, Terms]
    last: tuple[int, ...]

    @property
    def wires(self) -> set[int]:
        """All wires that take turns."""
        return set(self.depth) | {index for index in self.sums if index not in self.depth}


def turns_of(unit: Unit) -> Turns | None:
    """What can take turns; None where the logits are no sums of such levels."""
    output = unit.wires[unit.output].operation
    assert isinstance(output, Level)
    last = unit.wires[output.source].operation
    found = _candidates(unit, output.source)
    if not isinstance(last, Serial) or not found.issuperset(last.sources):
        return None
    levels: dict[tuple[int, int, int, bool], list[int]] = defaultdict(list)
    depth: dict[int, int] = {}
    sums: dict[int, Terms] = {}
    for index in sorted(found):
        operation = unit.wires[index].operation
        if isinstance(operation, Sum):
            sums[index] = defaultdict(int)
            for term in operation.terms:
                sums[index][term.source] += term.coefficient
            continue
        assert isinstance(operation, Level) and operation.least is not None and operation.most is not None
        depth[index] = 0
        if operation.source in found:
            below = sums.setdefault(operation.source, {operation.source: 1})
            depth[index] = 1 + max(depth[source] for source in below)
        levels[depth[index], operation.least, operation.most, operation.to_even].append(index)
    return Turns(levels, depth, sums, last.sources)


def _candidates(unit: Unit, last: int) -> set[int]:
    """Held levels that are small enough to be weighted in LUTs, and sums of them, as far as nothing else reads them."""
    readers: dict[int, set[int]] = defaultdict(set)
    for index, wire in enumerate(unit.wires):
        for source in sources(wire.operation):
            readers[source].add(index)
    found = {index for index, wire in enumerate(unit.wires) if wire.held and (_is_sum(wire) or _is_small_level(wire))}

    def stays(index: int) -> bool:
        if not _is_sum(unit.wires[index]):
            return readers[index] <= found
        levels = all(
            source in found and not _is_sum(unit.wires[source]) for source in sources(unit.wires[index].operation)
        )
        return levels and all(
            reader == last or (reader in found and not _is_sum(unit.wires[reader])) for reader in readers[index]
        )

    while wrong := {index for index in found if not stays(index)}:
        found -= wrong
    return found


def _is_sum(wire: Wire) -> bool:
    return isinstance(wire.operation, Sum)


def _is_small_level(wire: Wire) -> bool:
    level = wire.operation
    if not isinstance(level, Level) or is_table(level):
        return False
    return level.least is not None and level.most is not None and signed_bits(wire) <= LUT_BITS + 1
