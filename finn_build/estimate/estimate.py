"""FINN's analytical estimates of a folded network: cycles, rate, latency, resources against the board."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from finn_build.estimate.corrections import CORRECTED, NOT_COUNTED, corrections
from finn_build.folding.align_stream_widths import slow_converters
from finn_build.folding.parallelism import attributes_of

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

    from finn_build.boards import Board

RESOURCES = ("LUT", "BRAM_18K", "URAM", "DSP")
_SHORT = {"BRAM_18K": "BRAM18", "ConvolutionInputGenerator": "ConvInputGen"}  # for a table in 80 columns
CAVEATS = (
    "LUT and DSP are FINN's estimates, +LUT and +DSP our corrections (finn_build/estimate/corrections.py); "
    "the total has both",
    f"not counted: {NOT_COUNTED}",
    "the latency is an upper bound: the sum of all layers' cycles, though layers overlap",
)


def estimate(model: ModelWrapper, board: Board) -> dict[str, Any]:
    """Analyse FINN layers; the value is what estimate.json holds.

    Cycles are per frame, the interval is the slowest layer's, rates and times are at the board's clock. Resources are
    FINN's (`finn`) and what `corrections` adds to them (`correction`), apart; `total` has both, and `fits` goes by it.
    """
    from finn.analysis.fpgadataflow.exp_cycles_per_layer import exp_cycles_per_layer
    from finn.analysis.fpgadataflow.res_estimation import res_estimation
    from finn.util.basic import getHWCustomOp

    cycles = model.analysis(exp_cycles_per_layer)
    resources = model.analysis(partial(res_estimation, fpgapart=board.part))
    corrected = corrections(model, board)
    layers = []
    for node in model.graph.node:
        operator = getHWCustomOp(node)
        folding = {name: operator.get_nodeattr(name) for name in attributes_of(operator) if name in ("PE", "SIMD")}
        layers.append({
            "name": node.name,
            "cycles": int(cycles[node.name]),
            "folding": folding,
            "finn": {name: int(resources[node.name][name]) for name in RESOURCES},
            "correction": {name: corrected[node.name].get(name, 0) for name in RESOURCES},
        })  # fmt: skip
    slowest = max(layers, key=lambda layer: layer["cycles"])
    latency = sum(layer["cycles"] for layer in layers)
    sums = {
        part: {name: sum(layer[part][name] for layer in layers) for name in RESOURCES}
        for part in ("finn", "correction")
    }
    total = {name: sums["finn"][name] + sums["correction"][name] for name in RESOURCES}
    return {
        "kind": "estimated",
        "caveats": [*CAVEATS, *(f"slower than estimated: {stream}" for stream in slow_converters(model))],
        "board": board.name,
        "part": board.part,
        "clock_mhz": board.clock_mhz,
        "interval_cycles": slowest["cycles"],
        "slowest_layer": slowest["name"],
        "frames_per_second": board.clock_mhz * 1e6 / slowest["cycles"],
        "latency_cycles_at_most": latency,
        "latency_us_at_most": latency / board.clock_mhz,
        "layers": layers,
        "finn": sums["finn"],
        "correction": sums["correction"],
        "total": total,
        "available": {name: board.usable[name] for name in RESOURCES},
        "fits": all(total[name] <= board.usable[name] for name in RESOURCES),
    }


def estimate_table(value: dict[str, Any]) -> Table:
    """The estimate as a table, labelled as one."""
    title = f"Estimated: {value['board']} ({value['part']}) at {value['clock_mhz']:g} MHz"
    summary = (
        f"{value['interval_cycles']:,} cycles a frame ({value['slowest_layer']}): "
        f"{value['frames_per_second']:,.0f} frames/s, latency at most {value['latency_us_at_most']:.1f} us, "
        f"{'fits' if value['fits'] else 'DOES NOT FIT'}; {value['seconds']:.1f} s to estimate\n"
        f"Limit: {value['folded']['limit']}"
    )
    caption = escape("\n".join([summary, *value["caveats"]]))
    table = Table(title=escape(title), caption=caption, caption_justify="left", show_footer=True, box=SIMPLE, padding=0)
    table.add_column("layer", footer="estimates\ntotal\nusable", no_wrap=True)
    table.add_column("PE x SIMD", justify="right", no_wrap=True)
    table.add_column("cycles", justify="right", no_wrap=True, footer=f"{value['interval_cycles']:,}")
    for name in RESOURCES:
        footer = f"{value['finn'][name]:,}\n{value['total'][name]:,}\n{value['available'][name]:,}"
        table.add_column(_SHORT.get(name, name), justify="right", footer=footer, no_wrap=True)
        if name in CORRECTED:
            table.add_column(f"+{name}", justify="right", footer=f"{value['correction'][name]:,}", no_wrap=True)
    for layer in value["layers"]:
        folding = layer["folding"]
        shape = f"{folding.get('PE', '')} x {folding.get('SIMD', '')}".strip(" x")
        name = layer["name"].replace("ConvolutionInputGenerator", _SHORT["ConvolutionInputGenerator"])
        cells = []
        for resource in RESOURCES:
            cells.append(f"{layer['finn'][resource]:,}")
            if resource in CORRECTED:
                cells.append(f"{layer['correction'][resource]:,}")
        table.add_row(name, shape, f"{layer['cycles']:,}", *cells)
    return table
