"""The page's chapter on accuracy: over SNR, by class, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from radioml.constants import CLASSES
from radioml.contract.accuracy import MeasuredAccuracy
from radioml.report.page.parts import Figure, Section, Table, frames_of
from radioml.report.page.run_content import Measurement

_PERCENT = {"format": ".0%"}


def accuracy_section(measured: Sequence[Measurement]) -> Section:
    """Chapter on accuracy; measured: one measurement at least, of which the first is shown in detail."""
    name, first = measured[0].name, measured[0].metrics
    items = [over_snr(measured), by_class(name, first), confusion(name, first)]
    return Section(
        "accuracy", "Accuracy", frames_of(measured[0].kind),
        "Bands and bars are 95 % confidence intervals (Wilson). Guessing gives 4.2 %.", items,
    )  # fmt: skip


def over_snr(measured: Sequence[Measurement]) -> Figure:
    """Accuracy against the SNR label, a line a measurement, with its confidence band."""
    values: list[dict[str, Any]] = [
        {"snr": int(snr), "accuracy": part.accuracy, "low": part.low, "high": part.high, "of": one.name,
         "frames": part.frames}
        for one in measured
        for snr, part in one.metrics.per_snr_db.items()
        if part.frames
    ]  # fmt: skip
    colour = {
        "field": "of",
        "type": "nominal",
        "title": None,
        "legend": {"orient": "top", "labelLimit": 0, "columns": 1, "symbolOpacity": 1},
    }
    x = {"field": "snr", "type": "quantitative", "title": "SNR label (dB)"}
    spec = {
        "data": {"values": values},
        "encoding": {"x": x, "color": colour},
        "layer": [
            {"mark": {"type": "area", "opacity": 0.2}, "encoding": {
                "y": {"field": "low", "type": "quantitative", "title": "accuracy", "axis": _PERCENT},
                "y2": {"field": "high"}}},
            {"mark": {"type": "line", "point": True}, "encoding": {
                "y": {"field": "accuracy", "type": "quantitative", "scale": {"domain": [0, 1]}},
                "tooltip": [{"field": "of", "title": "measured"}, {"field": "snr", "title": "SNR label (dB)"},
                            {"field": "accuracy", "format": ".1%"}, {"field": "low", "format": ".1%"},
                            {"field": "high", "format": ".1%"}, {"field": "frames", "format": ","}]}},
        ],
    }  # fmt: skip
    rows = [
        (row["of"], f"{row['snr']:+d} dB", f"{row['accuracy']:.1%}", f"{row['low']:.1%} to {row['high']:.1%}",
         f"{row['frames']:,}")
        for row in values
    ]  # fmt: skip
    overall = "; ".join(f"{one.name}: {one.metrics.overall.accuracy:.1%} over {one.metrics.over}" for one in measured)
    table = Table(("measured", "SNR label", "accuracy", "95 % interval", "frames"), rows)
    return Figure(
        "accuracy-over-snr", "Accuracy over SNR", f"Line chart of accuracy against SNR label. {overall}.", spec, table
    )


def by_class(name: str, metrics: MeasuredAccuracy) -> Figure:
    """Accuracy of each class over all SNRs."""
    values: list[dict[str, Any]] = [
        {"class": of, "accuracy": part.accuracy, "low": part.low, "high": part.high}
        for of, part in metrics.per_class.items()
        if part.frames
    ]
    y = {"field": "class", "type": "nominal", "sort": list(CLASSES), "title": None}
    spec = {
        "data": {"values": values},
        "encoding": {"y": y},
        "layer": [
            {"mark": "bar", "encoding": {"x": {"field": "accuracy", "type": "quantitative", "axis": _PERCENT,
                                               "scale": {"domain": [0, 1]}},
                                         "tooltip": [{"field": "class"}, {"field": "accuracy", "format": ".1%"}]}},
            {"mark": {"type": "rule"}, "encoding": {"x": {"field": "low", "type": "quantitative", "title": "accuracy"},
                                                    "x2": {"field": "high"}}},
        ],
    }  # fmt: skip
    worst = min(values, key=lambda row: row["accuracy"])
    return Figure(
        "accuracy-by-class", "Accuracy by class",
        f"Bar chart of the accuracy of each class over all SNRs ({name}). The lowest is {worst['class']} with "
        f"{worst['accuracy']:.1%}.",
        spec,
        Table(("class", "accuracy", "95 % interval"),
              [(row["class"], f"{row['accuracy']:.1%}", f"{row['low']:.1%} to {row['high']:.1%}") for row in values]),
    )  # fmt: skip


def confusion(name: str, metrics: MeasuredAccuracy) -> Figure:
    """Confusion matrix with a choice of the SNR; counts that are 0 are left out of the data."""
    lines = ["snr,true,predicted,count"]
    for snr, rows in metrics.confusion_per_snr.items():
        lines += [
            f"{snr},{true},{predicted},{count}"
            for true, row in enumerate(rows)
            for predicted, count in enumerate(row)
            if count
        ]
    snrs = sorted(map(int, metrics.confusion_per_snr))
    named = {field: f"{list(CLASSES)!r}[datum.{field}]" for field in ("true", "predicted")}
    axis = {"type": "nominal", "sort": list(CLASSES), "scale": {"domain": list(CLASSES)}}
    spec = {
        "data": {"values": "\n".join(lines), "format": {"type": "csv"}},
        "params": [{"name": "at", "value": None, "bind": {
            "input": "select", "name": "SNR label ", "options": [None, *snrs],
            "labels": ["all", *(f"{snr:+d} dB" for snr in snrs)]}}],
        "transform": [
            {"filter": "at === null || datum.snr == at"},
            {"aggregate": [{"op": "sum", "field": "count", "as": "count"}], "groupby": ["true", "predicted"]},
            {"joinaggregate": [{"op": "sum", "field": "count", "as": "all"}], "groupby": ["true"]},
            {"calculate": "datum.count / datum.all", "as": "share"},
            *({"calculate": expression, "as": f"{field}_name"} for field, expression in named.items()),
        ],
        "mark": "rect",
        "encoding": {
            "x": {"field": "predicted_name", "title": "predicted", **axis, "axis": {"labelAngle": -60}},
            "y": {"field": "true_name", "title": "true", **axis},
            "color": {"field": "share", "type": "quantitative", "title": "share of the true class",
                      "scale": {"domain": [0, 1], "scheme": "blues"}, "legend": {"format": ".0%", "orient": "top"}},
            "tooltip": [{"field": "true_name", "title": "true"}, {"field": "predicted_name", "title": "predicted"},
                        {"field": "share", "format": ".1%"}, {"field": "count", "title": "frames", "format": ","}],
        },
        "height": 420,
    }  # fmt: skip
    classes = metrics.classes
    wrong = [
        (count / max(1, sum(row)), classes[true], classes[predicted])
        for true, row in enumerate(metrics.confusion)
        for predicted, count in enumerate(row)
        if predicted != true and count
    ]
    most = sorted(wrong, reverse=True)[:8]
    listed = "; ".join(f"{true} as {predicted} {share:.0%}" for share, true, predicted in most[:3])
    return Figure(
        "confusion", "Confusion matrix",
        f"Confusion matrix ({name}), rows are true classes; the list below the matrix chooses the SNR label. Most "
        f"frequent errors over all SNRs: {listed or 'no error'}.",
        spec,
        Table(("true class", "taken for", "share of the true class"),
              [(true, predicted, f"{share:.1%}") for share, true, predicted in most], "Most frequent errors."),
    )  # fmt: skip
