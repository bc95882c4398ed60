"""An operation that reads other wires."""

from __future__ import annotations

from dataclasses import replace

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
)


def renumbered(wire: Wire, number: dict[int, int]) -> Wire:
    """The wire where the wires that it reads have other numbers."""
    match wire.operation:
        case Input():
            changed: Operation = wire.operation
        case Level() | Reduce() | Hold() | Recall() | Running() | Table():
            changed = replace(wire.operation, source=number[wire.operation.source])
        case Sum():
            changed = replace(wire.operation, terms=tuple(_moved(term, number) for term in wire.operation.terms))
        case Product():
            left, right = wire.operation.left, wire.operation.right
            changed = replace(wire.operation, left=_moved(left, number), right=_moved(right, number))
        case Serial():
            changed = replace(wire.operation, sources=tuple(number[source] for source in wire.operation.sources))
        case Interleave(turns):
            changed = Interleave(tuple((number[source], later) for source, later in turns))
    return replace(wire, operation=changed)


def _moved(term: Term, number: dict[int, int]) -> Term:
    return replace(term, source=number[term.source])
