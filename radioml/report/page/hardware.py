"""The page's chapter on one build: cycles and resources of each layer, FIFOs, dataflow, ladder, implementation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from radioml.contract.estimate import RESOURCES, Estimate
from radioml.contract.implementation import Implementation
from radioml.contract.ladder import LadderReport
from radioml.contract.simulation import SimulationReport
from radioml.contract.synthesis import Synthesis
from radioml.report.page.dataflow import Node, dataflow
from radioml.report.page.parts import ESTIMATED, IMPLEMENTED, SIMULATED, Figure, Graph, Section, Table

_Name = TypeVar("_Name", bound=str)


def estimate_section(estimate: Estimate, synthesis: Synthesis | None) -> Section:
    """Chapter on the content of estimate.json, and of synthesis.json where the design was synthesised."""
    board = estimate.board
    verdict = "fits" if estimate.fits else "does not fit"
    return Section(
        f"estimate-{board}", f"{board}: estimate", ESTIMATED,
        f"Folded for {estimate.cycles_per_frame:,} cycles a frame at {estimate.clock_mhz:g} MHz; the design "
        f"{verdict}.{_limit(estimate)}{_synthesised(synthesis)}",
        [_cycles(estimate, synthesis), _resources(estimate),
         _use(estimate.total, estimate.available, board, ESTIMATED)],
    )  # fmt: skip


def _limit(estimate: Estimate) -> str:
    return f" Limit: {estimate.folded.limit}." if estimate.folded else ""


def _synthesised(synthesis: Synthesis | None) -> str:
    if synthesis is None:
        return ""
    total = ", ".join(f"{count:,} {name}" for name, count in synthesis.total.items())
    kind = f"counts of its netlists, not of Vivado's, without timing ({synthesis.tool})"
    return f" Columns named Yosys are {kind}: {total}."


def _cycles(estimate: Estimate, synthesis: Synthesis | None) -> Figure:
    slowest = estimate.slowest_layer
    values = [
        {"layer": layer.name, "cycles": layer.cycles,
         "of": "bottleneck" if layer.name == slowest else "other layers"}
        for layer in estimate.layers
    ]  # fmt: skip
    spec = {
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "y": {"field": "layer", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "cycles", "type": "quantitative", "title": "cycles a frame"},
            "color": {
                "field": "of",
                "type": "nominal",
                "title": None,
                "legend": {"orient": "top"},
                "scale": {"domain": ["other layers", "bottleneck"]},
            },
            "tooltip": [{"field": "layer"}, {"field": "cycles", "format": ","}],
        },
    }
    counted = {layer.name: layer.resources for layer in synthesis.layers} if synthesis else {}
    rows = [
        (layer.name, " ".join(f"{name} {value}" for name, value in layer.folding.items()), f"{layer.cycles:,}",
         *(f"{layer.finn[name] + layer.correction[name]:,}" for name in RESOURCES),
         *(f"{count:,}" for count in counted.get(layer.name, {}).values()))
        for layer in estimate.layers
    ]  # fmt: skip
    more = [f"{name}, Yosys" for name in synthesis.total] if synthesis else []
    marked = next(index for index, layer in enumerate(estimate.layers) if layer.name == slowest)
    return Figure(
        f"cycles-{estimate.board}", "Cycles by layer",
        f"Bar chart of the cycles that each layer takes a frame. The bottleneck is {slowest} with "
        f"{estimate.cycles_per_frame:,} cycles.",
        spec,
        Table(("layer", "folding", "cycles", *RESOURCES, *more), rows, "Layers in the order of the stream.", marked,
              "bottleneck"),
    )  # fmt: skip


def _resources(estimate: Estimate) -> Figure:
    values = [
        {"layer": layer.name, "resource": resource, "of": of, "count": part[resource]}
        for layer in estimate.layers
        for resource in ("LUT", "DSP")
        for part, of in ((layer.finn, "FINN's estimate"), (layer.correction, "correction"))
        if part[resource]
    ]
    spec = {
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "row": {"field": "resource", "type": "nominal", "title": None, "header": {"labelAngle": 0}},
            "y": {"field": "layer", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "count", "type": "quantitative", "title": None},
            "color": {"field": "of", "type": "nominal", "title": None, "legend": {"orient": "top"}},
            "tooltip": [{"field": "layer"}, {"field": "resource"}, {"field": "of"}, {"field": "count", "format": ","}],
        },
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
    }
    total = ", ".join(f"{estimate.total[name]:,} {name}" for name in RESOURCES)
    return Figure(
        f"resources-{estimate.board}", "LUTs and DSPs by layer",
        f"Bar charts of each layer's LUTs and DSPs, FINN's estimate and the project's correction apart. All layers: "
        f"{total}.",
        spec,
    )  # fmt: skip


def _use(used: Mapping[_Name, int], available: Mapping[_Name, int], board: str, condition: str) -> Figure:
    shares = {name: used[name] / available[name] for name in used if available.get(name)}
    spec = {
        "data": {"values": [{"resource": name, "share": share} for name, share in shares.items()]},
        "mark": "bar",
        "encoding": {
            "y": {"field": "resource", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "share", "type": "quantitative", "axis": {"format": ".0%"}, "title": "share of the board"},
            "tooltip": [{"field": "resource"}, {"field": "share", "format": ".1%"}],
        },
    }
    rows = [(name, f"{used[name]:,}", f"{available[name]:,}", f"{share:.1%}") for name, share in shares.items()]
    most = max(shares, key=lambda name: shares[name])
    return Figure(
        f"use-{board}-{condition.split()[0]}", f"Use of the {board}",
        f"Bar chart of the share of the board's resources that the design takes. Most of all: {most}, "
        f"{shares[most]:.0%}.",
        spec,
        Table(("resource", "used", "usable", "share"), rows),
    )  # fmt: skip


def rtl_section(
    board: str, nodes: list[Node], depths: Mapping[str, int], simulation: SimulationReport | None
) -> Section:
    """Chapter on the RTL.

    Args:
        board: name of the board.
        nodes: layers of the design with the streams between them, FIFOs left out.
        depths: FIFO -> depth in words.
        simulation: content of simulation.json; None where `radioml simulate` has not run.
    """
    text = "The RTL was built; `radioml simulate` has not run on it yet."
    if simulation:
        text = (
            f"{simulation.equal_frames:,} of {simulation.frames:,} frames ({simulation.data}) gave the network's "
            f"integer logits. {simulation.cycles_per_frame:,} cycles a frame were counted, latency "
            f"{simulation.latency_cycles:,} cycles."
        )
    items: list[Figure | Graph | Table] = [dataflow(board, nodes)] if nodes else []
    return Section(f"rtl-{board}", f"{board}: RTL", SIMULATED, text, [*items, _fifos(board, depths)])


def _fifos(board: str, depths: Mapping[str, int]) -> Figure:
    values = [{"fifo": name, "number": index, "depth": depth} for index, (name, depth) in enumerate(depths.items())]
    spec = {
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "x": {"field": "number", "type": "ordinal", "title": "FIFO, in the order of the stream"},
            "y": {"field": "depth", "type": "quantitative", "title": "words"},
            "tooltip": [{"field": "fifo"}, {"field": "depth"}],
        },
        "height": 160,
    }
    deepest = max(depths, key=lambda name: depths[name])
    return Figure(
        f"fifos-{board}", "FIFO depths",
        f"Bar chart of the depth of each of the {len(depths)} FIFOs. The deepest is {deepest} with {depths[deepest]} "
        "words.",
        spec,
        Table(("FIFO", "depth in words"), [(name, str(depth)) for name, depth in depths.items()]),
    )  # fmt: skip


def ladder_section(board: str, report: LadderReport) -> Section:
    """Chapter on the ladder, rung by rung."""
    rungs, wrong = report.rungs, report.first_wrong
    rows = [
        (rung.name, rung.kind, f"{len(rung.layers_compared)} of {report.layers}",
         "equal" if rung.equal else rung.problem or f"{rung.mismatching_frames} frames differ")
        for rung in rungs
    ]  # fmt: skip
    verdict = f"The first that differs: {wrong.name}." if wrong else f"All {len(rungs)} rungs are equal."
    marked = rungs.index(wrong) if wrong else None
    return Section(
        f"ladder-{board}", f"{board}: verification ladder", SIMULATED,
        f"{report.frames:,} frames ({report.data}); every activation and logit of each stage was compared with "
        f"the trained network as integers. {verdict}",
        [Table(("rung", "executed as", "layers compared", "verdict"), rows, "", marked, "first that differs")],
    )  # fmt: skip


def implementation_section(board: str, found: Implementation) -> Section:
    """Chapter on what the vendor's tools report of the bitfile."""
    sites = found.utilisation or {}
    used = {name: use.used for name, use in sites.items()}
    available = {name: use.available for name, use in sites.items()}
    return Section(
        f"implementation-{board}", f"{board}: bitfile", IMPLEMENTED,
        f"{found.tool}: timing {'met' if found.timing_met else 'failed'} at {found.clock_mhz:g} MHz.",
        [_use(used, available, board, IMPLEMENTED)] if used else [],
    )  # fmt: skip
