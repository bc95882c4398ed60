"""The dataflow graph as SVG: layers from top to bottom, streams as lines between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from radioml.report.page.parts import Graph

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y = 250, 40, 20, 24


@dataclass(frozen=True)
class Node:
    """One layer.

    name: unique. inputs: names of the layers whose streams it reads; none for the first. note: one line of text, e.g.
    its cycles. marked: whether the layer stands out as the bottleneck.
    """

    name: str
    inputs: tuple[str, ...]
    note: str = ""
    marked: bool = False


def dataflow(board: str, nodes: Sequence[Node]) -> Graph:
    """Draw the layers; nodes come in an order in which each follows the layers that it reads."""
    rows = _rows(nodes)
    widest = max(len(row) for row in rows)
    width = widest * (_WIDTH + _GAP_X) + _GAP_X
    height = len(rows) * (_HEIGHT + _GAP_Y) + _GAP_Y
    place = {}
    for y, row in enumerate(rows):
        left = (width - len(row) * (_WIDTH + _GAP_X) + _GAP_X) / 2
        for x, node in enumerate(row):
            place[node.name] = left + x * (_WIDTH + _GAP_X), _GAP_Y + y * (_HEIGHT + _GAP_Y)
    lines = [_line(place[name], place[node.name]) for node in nodes for name in node.inputs]
    boxes = [_box(node, *place[node.name]) for node in nodes]
    forks = sum(len([node for node in nodes if name in node.inputs]) > 1 for name in place)
    joins = sum(len(node.inputs) > 1 for node in nodes)
    description = (
        f"Graph of {len(nodes)} layers, {forks} forks and {joins} joins, from {nodes[0].name} to {nodes[-1].name}."
    )
    svg = (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" aria-label="{escape(description)}" '
        f'class="dataflow">{"".join(lines)}{"".join(boxes)}</svg>'
    )
    return Graph(f"dataflow-{board}", "Dataflow", description, svg)


def _rows(nodes: Sequence[Node]) -> list[list[Node]]:
    """The layers by their distance from the input."""
    depth: dict[str, int] = {}
    for node in nodes:
        depth[node.name] = max((depth[name] + 1 for name in node.inputs), default=0)
    rows: list[list[Node]] = [[] for _ in range(max(depth.values()) + 1)]
    for node in nodes:
        rows[depth[node.name]].append(node)
    return rows


def _line(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x0, y0), (x1, y1) = start, end
    x0, y0, x1 = x0 + _WIDTH / 2, y0 + _HEIGHT, x1 + _WIDTH / 2
    middle = (y0 + y1) / 2
    return f'<path d="M{x0:g} {y0:g}C{x0:g} {middle:g} {x1:g} {middle:g} {x1:g} {y1:g}"/>'


def _box(node: Node, x: float, y: float) -> str:
    kind = ' class="marked"' if node.marked else ""
    centre = x + _WIDTH / 2
    return (
        f'<g{kind}><rect x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        f'<text x="{centre:g}" y="{y + 17:g}">{escape(node.name)}</text>'
        f'<text x="{centre:g}" y="{y + 32:g}" class="note">{escape(node.note)}</text></g>'
    )
