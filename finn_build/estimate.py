"""FINN's analytical estimates of a folded network: cycles, rate, latency, resources against the board."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

    from finn_build.boards import Board

RESOURCES = ("LUT", "BRAM_18K", "URAM", "DSP")
_SHORT = {"BRAM_18K": "BRAM18", "ConvolutionInputGenerator": "ConvInputGen"}  # for a table in 80 columns
CAVEATS = (
    "FINN counts no LUT for RTL multipliers and padding, none for FIFOs and width converters, and no flip-flops",
    "DSPs are counted as if four multiplications shared one at every width; above 4 bits the RTL packs only two",
    "the latency is an upper bound: the sum of all layers' cycles, though layers overlap",
)


def estimate(model: ModelWrapper, board: Board, target_fps: int) -> dict[str, Any]:
    """Analyse FINN layers; the value is what estimate.json holds.

    Cycles are per frame, the interval is the slowest layer's, rates and times are at the board's clock.
    """
    from finn.analysis.fpgadataflow.exp_cycles_per_layer import exp_cycles_per_layer
    from finn.analysis.fpgadataflow.res_estimation import res_estimation
    from finn.util.basic import getHWCustomOp

    cycles = model.analysis(exp_cycles_per_layer)
    resources = model.analysis(partial(res_estimation, fpgapart=board.part))
    layers = []
    for node in model.graph.node:
        operator = getHWCustomOp(node)
        folding = {
            name: operator.get_nodeattr(name) for name in ("PE", "SIMD") if name in operator.get_nodeattr_types()
        }
        used = {name: int(resources[node.name][name]) for name in RESOURCES}
        layers.append({"name": node.name, "cycles": int(cycles[node.name]), "folding": folding, **used})
    slowest = max(layers, key=lambda layer: layer["cycles"])
    latency = sum(layer["cycles"] for layer in layers)
    total = {name: sum(layer[name] for layer in layers) for name in RESOURCES}
    return {
        "kind": "estimated",
        "caveats": list(CAVEATS),
        "board": board.name,
        "part": board.part,
        "clock_mhz": board.clock_mhz,
        "target_frames_per_second": target_fps,
        "interval_cycles": slowest["cycles"],
        "slowest_layer": slowest["name"],
        "frames_per_second": board.clock_mhz * 1e6 / slowest["cycles"],
        "latency_cycles_at_most": latency,
        "latency_us_at_most": latency / board.clock_mhz,
        "layers": layers,
        "total": total,
        "available": {name: board.resources[name] for name in RESOURCES},
        "fits": all(total[name] <= board.resources[name] for name in RESOURCES),
    }


def estimate_table(value: dict[str, Any]) -> Table:
    """The estimate as a table, labelled as one."""
    title = f"Estimated: {value['board']} ({value['part']}) at {value['clock_mhz']:g} MHz"
    summary = (
        f"{value['interval_cycles']:,} cycles a frame ({value['slowest_layer']}): "
        f"{value['frames_per_second']:,.0f} frames/s, latency at most {value['latency_us_at_most']:.1f} us, "
        f"{'fits' if value['fits'] else 'DOES NOT FIT'}; {value['seconds']:.1f} s to estimate"
    )
    table = Table(
        title=title, caption="\n".join([summary, *value["caveats"]]), caption_justify="left", show_footer=True
    )
    table.add_column("layer", footer="total\nboard", no_wrap=True)
    table.add_column("PE x SIMD", justify="right", no_wrap=True)
    table.add_column("cycles", justify="right", no_wrap=True, footer=f"{value['interval_cycles']:,}")
    for name in RESOURCES:
        used, available = value["total"][name], value["available"][name]
        table.add_column(_SHORT.get(name, name), justify="right", footer=f"{used:,}\n{available:,}", no_wrap=True)
    for layer in value["layers"]:
        folding = layer["folding"]
        shape = f"{folding.get('PE', '')} x {folding.get('SIMD', '')}".strip(" x")
        name = layer["name"].replace("ConvolutionInputGenerator", _SHORT["ConvolutionInputGenerator"])
        table.add_row(name, shape, f"{layer['cycles']:,}", *(f"{layer[name]:,}" for name in RESOURCES))
    return table
