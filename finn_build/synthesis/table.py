"""Yosys' resources beside the estimate as a table for the terminal."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from finn_build.boards import RESOURCES
from radioml.contract.synthesis import Synthesis


def synthesis_table(value: Synthesis) -> Table:
    """A line a layer: what Yosys counts and, in brackets, what was estimated; below them the sums and the caveats."""
    caption = escape("\n".join(value.caveats))
    title = escape(f"{value.kind}: {value.board} ({value.part}), {value.tool}; estimate in brackets")
    table = Table(title=title, caption=caption, caption_justify="left", show_footer=True, box=SIMPLE, padding=0)
    table.add_column("layer", footer="all", no_wrap=True)
    for name in RESOURCES:
        footer = _beside(value.total[name], value.estimated.get(name))
        table.add_column(name, justify="right", footer=footer, no_wrap=True)
    for layer in value.layers:
        cells = [_beside(layer.resources[name], layer.estimated.get(name)) for name in RESOURCES]
        table.add_row(layer.name.replace("ConvolutionInputGenerator", "ConvInputGen"), *cells)
    return table


def _beside(counted: int, estimated: int | None) -> str:
    return f"{counted:,}" if estimated is None or counted == estimated == 0 else f"{counted:,} ({estimated:,})"
