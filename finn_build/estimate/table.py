"""The estimate as a table for the terminal."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from finn_build.estimate.corrections import CORRECTED
from radioml.contract.estimate import RESOURCES, Estimate

_SHORT = {"BRAM_18K": "BRAM18", "ConvolutionInputGenerator": "ConvInputGen"}  # for a table in 80 columns


def estimate_table(value: Estimate) -> Table:
    """A line a layer with its parallelism, cycles and resources; below them the totals and the caveats."""
    title = f"Estimated: {value.board} ({value.part}) at {value.clock_mhz:g} MHz"
    summary = (
        f"{value.cycles_per_frame:,} cycles a frame ({value.slowest_layer}): "
        f"{value.frames_per_second:,.0f} frames/s, latency at most {value.latency_us_at_most:.1f} us, "
        f"{'fits' if value.fits else 'DOES NOT FIT'}"
    )
    if value.seconds is not None:
        summary += f"; {value.seconds:.1f} s to estimate"
    if value.folded is not None:
        summary += f"\nLimit: {value.folded.limit}"
    caption = escape("\n".join([summary, *value.caveats]))
    table = Table(title=escape(title), caption=caption, caption_justify="left", show_footer=True, box=SIMPLE, padding=0)
    table.add_column("layer", footer="estimates\ntotal\nusable", no_wrap=True)
    table.add_column("PE x SIMD", justify="right", no_wrap=True)
    table.add_column("cycles", justify="right", no_wrap=True, footer=f"{value.cycles_per_frame:,}")
    for name in RESOURCES:
        footer = f"{value.finn[name]:,}\n{value.total[name]:,}\n{value.available[name]:,}"
        table.add_column(_SHORT.get(name, name), justify="right", footer=footer, no_wrap=True)
        if name in CORRECTED:
            table.add_column(f"+{name}", justify="right", footer=f"{value.correction[name]:,}", no_wrap=True)
    for layer in value.layers:
        shape = f"{layer.folding.get('PE', '')} x {layer.folding.get('SIMD', '')}".strip(" x")
        short = layer.name.replace("ConvolutionInputGenerator", _SHORT["ConvolutionInputGenerator"])
        cells = []
        for resource in RESOURCES:
            cells.append(f"{layer.finn[resource]:,}")
            if resource in CORRECTED:
                cells.append(f"{layer.correction[resource]:,}")
        table.add_row(short, shape, f"{layer.cycles:,}", *cells)
    return table
