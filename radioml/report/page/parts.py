"""What a page is made of: headlines, sections, figures, tables, and the condition under which their numbers hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SYNTHETIC, REAL, UNKNOWN = "synthetic frames", "real frames", "frames of unknown origin"
COMPUTED, ESTIMATED, SYNTHESISED, SIMULATED, IMPLEMENTED, ON_BOARD, ON_HOST = (
    "computed", "estimated", "synthesised by Yosys, not Vivado", "simulated", "reported by the vendor's tools",
    "measured on a board", "measured on a host",
)  # fmt: skip


@dataclass(frozen=True)
class Headline:
    """One figure at the top of the page.

    label: what the figure is. value: the figure with its unit. condition: how it came about, e.g. `SIMULATED`.
    detail: one sentence more.
    """

    label: str
    value: str
    condition: str
    detail: str = ""


@dataclass(frozen=True)
class Table:
    """A table: a heading a column, and rows of text.

    marked: number of the row that stands out, with the reason in `mark`; None for none. caption: one sentence above.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    marked: int | None = None
    mark: str = ""


@dataclass(frozen=True)
class Figure:
    """A drawing by Vega-Lite.

    name: unique on the page, of letters, digits and dashes. title: what it shows. description: the same in sentences
    for a reader who does not see it. spec: Vega-Lite, without size and colours of text, which the page sets.
    table: its numbers.
    """

    name: str
    title: str
    description: str
    spec: dict[str, Any]
    table: Table | None = None


@dataclass(frozen=True)
class Graph:
    """A drawing of layers and the streams between them, as ready SVG; `description` says the same in words."""

    name: str
    title: str
    description: str
    svg: str


@dataclass(frozen=True)
class Section:
    """A chapter of the page; items are shown in order.

    condition: how the numbers of the section came about; "" where the items differ.
    """

    name: str
    title: str
    condition: str
    text: str
    items: Sequence[Figure | Graph | Table] = field(default_factory=tuple)


@dataclass(frozen=True)
class Page:
    """A whole page."""

    title: str
    subtitle: str
    headlines: Sequence[Headline]
    sections: Sequence[Section]


def frames_of(kind: str) -> str:
    """The condition of an accuracy that was measured on data of this kind, "real", "synthetic" or another."""
    return {"synthetic": SYNTHETIC, "real": REAL}.get(kind, UNKNOWN)
