"""The page's chapter on cost: the score among the published entries, and which layer it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from radioml.constants import REQUIRED_ACCURACY
from radioml.contract.score import Score
from radioml.report.page.parts import COMPUTED, Figure, Section, Table
from radioml.report.tradeoff_plot import PUBLISHED, Point


def cost_section(score: Score, own: Sequence[tuple[str, Point]], published: Sequence[Point]) -> Section:
    """Chapter on cost.

    Args:
        score: of the run's network.
        own: data that a point was measured on, in words, and the point; empty where no accuracy is known.
        published: published entries, measured by their authors on real data.
    """
    items: list[Figure | Table] = [pareto(own, published)] if own else []
    return Section(
        "cost", "Inference cost", COMPUTED,
        "The official score bills convolutions and matrix products by bits; the VGG10 baseline has 1, lower is "
        "cheaper. The conservative score bills signs of weights and fixed filters, too: "
        f"{score.conservative:.6f}. The strictest bills every fixed linear combination: {score.strictest:.6f}.",
        [*items, by_layer(score)],
    )  # fmt: skip


def pareto(own: Sequence[tuple[str, Point]], published: Sequence[Point]) -> Figure:
    """Score against accuracy, ours and the published entries told apart by colour, shape and word."""
    values: list[dict[str, Any]] = [
        {"name": point.label, "score": point.score, "accuracy": point.accuracy, "of": data,
         "conservative": point.span[1] if point.span else None}
        for data, point in [*own, *((PUBLISHED, point) for point in published)]
    ]  # fmt: skip
    of = {"field": "of", "type": "nominal", "title": None, "legend": {"orient": "top", "labelLimit": 0, "columns": 1}}
    x = {"field": "score", "type": "quantitative", "title": "score (lower is cheaper)", "scale": {"type": "log"},
         "axis": {"format": "~g"}}  # fmt: skip
    y = {"field": "accuracy", "type": "quantitative", "title": "accuracy over all SNRs", "scale": {"zero": False},
         "axis": {"format": ".0%"}}  # fmt: skip
    both = [{"filter": "datum.conservative !== null"}]
    # Left out where they have no mark: a screen reader stumbles over an empty layer
    conservative: list[dict[str, Any]] = [
        {"mark": {"type": "rule", "strokeDash": [2, 2]}, "transform": both, "encoding": {
            "x": x, "x2": {"field": "conservative"}, "y": y, "color": of}},
        {"mark": {"type": "point", "size": 90}, "transform": both, "encoding": {
            "x": {**x, "field": "conservative"}, "y": y, "color": of,
            "tooltip": [{"field": "name"}, {"field": "conservative", "format": ".6f", "title": "conservative"}]}},
    ]  # fmt: skip
    spec = {
        "data": {"values": values},
        "layer": [
            {"mark": {"type": "rule", "strokeDash": [4, 4]}, "data": {"values": [{"floor": REQUIRED_ACCURACY}]},
             "encoding": {"y": {"field": "floor", "type": "quantitative"}}},
            {"mark": {"type": "point", "filled": True, "size": 90}, "encoding": {
                "x": x, "y": y, "color": of, "shape": {**of, "legend": None},
                "tooltip": [{"field": "name"}, {"field": "score", "format": ".6f"},
                            {"field": "accuracy", "format": ".2%"}, {"field": "of", "title": "measured on"}]}},
            *(conservative if any(point.span for _, point in own) else []),
            {"mark": {"type": "text", "dy": -10}, "encoding": {
                "x": x, "y": y, "text": {"field": "name"}, "color": of}},
        ],
        "height": 320,
    }  # fmt: skip
    rows = [(row["name"], f"{row['score']:.6f}", _dearer(row), f"{row['accuracy']:.2%}", row["of"]) for row in values]
    return Figure(
        "pareto", "Among the published entries",
        "Scatter chart of score against accuracy; a hollow marker is the conservative score. The dashed line is the "
        f"challenge's {REQUIRED_ACCURACY:.0%}, which counts on real data; accuracies on different data do not compare.",
        spec,
        Table(("network", "score", "conservative score", "accuracy", "measured on"), rows),
    )  # fmt: skip


def _dearer(row: dict[str, Any]) -> str:
    """The conservative score; nothing where it is unknown or the official one."""
    return "" if row["conservative"] is None else f"{row['conservative']:.6f}"


def by_layer(score: Score) -> Figure:
    """Each layer's bit operations and weight bits as shares of the whole network's."""
    values = [
        {"layer": layer.layer, "of": name, "share": count / max(1, whole), "count": count}
        for layer in score.layers
        for name, count, whole in (
            ("bit operations", layer.bit_ops, score.bit_ops), ("bits of weights", layer.bit_mem, score.bit_mem),
        )
    ]  # fmt: skip
    spec = {
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "y": {"field": "layer", "type": "nominal", "sort": None, "title": None},
            "yOffset": {"field": "of"},
            "x": {"field": "share", "type": "quantitative", "axis": {"format": ".0%"}, "title": "share of the network"},
            "color": {"field": "of", "type": "nominal", "title": None, "legend": {"orient": "top"}},
            "tooltip": [{"field": "layer"}, {"field": "of"}, {"field": "count", "format": ","},
                        {"field": "share", "format": ".1%"}],
        },
    }  # fmt: skip
    rows = [
        (layer.layer, f"{layer.input_bits} x {layer.weight_bits} bit", f"{layer.macs:,.0f}",
         f"{layer.bit_ops:,.0f}", f"{layer.bit_mem:,.0f}")
        for layer in score.layers
    ]  # fmt: skip
    dearest = max(score.layers, key=lambda layer: layer.bit_ops)
    return Figure(
        "cost-by-layer", "Cost by layer",
        f"Bar chart of each layer's share of the bit operations and weight bits. {dearest.layer} has most bit "
        "operations.",
        spec,
        Table(("layer", "input x weight", "MACs", "bit operations", "bits of weights"), rows),
    )  # fmt: skip
