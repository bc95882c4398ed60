"""Wires under other numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from finn_build.statistics_unit.elements import CONSTANT
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import (
    Hold,
    Input,
    Interleave,
    Level,
    Operation,
    Product,
    Recall,
    Reduce,
    Running,
    Serial,
    Sum,
    Table,
    Term,
    Wire,
    sources,
)  # fmt: skip


def renumbered(wire: Wire, number: dict[int, int]) -> Wire:
    """The wire where the wires that it reads have other numbers."""
    match wire.operation:
        case Input():
            changed: Operation = wire.operation
        case Level() | Reduce() | Hold() | Running() | Table():
            changed = replace(wire.operation, source=number[wire.operation.source])
        case Sum():
            changed = replace(wire.operation, terms=tuple(_moved(term, number) for term in wire.operation.terms))
        case Product():
            left, right = wire.operation.left, wire.operation.right
            changed = replace(wire.operation, left=_moved(left, number), right=_moved(right, number))
        case Serial():
            changed = replace(wire.operation, sources=tuple(number[source] for source in wire.operation.sources))
        case Recall(order):
            changed = Recall(tuple((number[source], slot) for source, slot in order))
        case Interleave(turns):
            changed = Interleave(tuple((number[source], later) for source, later in turns))
    return replace(wire, operation=changed)


def _moved(term: Term, number: dict[int, int]) -> Term:
    return replace(term, source=number[term.source])


def pruned(unit: Unit) -> Unit:
    """The unit without wires that no logit depends on, and without tensors of such wires."""
    kept, waiting = {unit.output}, [unit.output]
    while waiting:
        new = set(sources(unit.wires[waiting.pop()].operation)) - kept
        kept |= new
        waiting += new
    number = {old: new for new, old in enumerate(sorted(kept))}
    wires = tuple(renumbered(unit.wires[old], number) for old in number)
    table = np.full(len(unit.wires) + 1, CONSTANT)
    table[list(number)] = list(number.values())
    tensors = {
        name: replace(elements, wire=table[elements.wire])
        for name, elements in unit.tensors.items()
        if {CONSTANT, *number}.issuperset(np.unique(elements.wire).tolist())
    }
    return replace(unit, wires=wires, output=number[unit.output], tensors=tensors)
