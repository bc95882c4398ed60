"""The page's chapter on the driver: throughput over the batch size, and where its time goes."""

from __future__ import annotations

from typing import Any

from radioml.contract.speed import BenchReport
from radioml.report.page.parts import ON_BOARD, ON_HOST, Figure, Section, Table


def driver_section(bench: BenchReport) -> Section:
    """Chapter on a benchmark."""
    condition = ON_BOARD if bench.runs_on == "board" else ON_HOST
    one, streaming = bench.latency_of_one_frame, bench.streaming
    text = f"{bench.figures}. One frame alone takes {1e3 * one.median_seconds:,.3f} ms (median of {one.repeats:,})."
    if streaming.frames_per_second:
        text += f" Streaming in batches of {streaming.batch:,}: {streaming.frames_per_second:,.0f} frames/s."
    return Section("driver", "Driver", condition, text, [_rate(bench), _split(bench)])


def _rate(bench: BenchReport) -> Figure:
    values = [{"frames": batch.frames, "rate": batch.frames_per_second} for batch in bench.batches]
    spec = {
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "frames", "type": "quantitative", "scale": {"type": "log", "base": 2},
                  "title": "frames a batch", "axis": {"format": ",d"}},
            "y": {"field": "rate", "type": "quantitative", "title": "frames/s"},
            "tooltip": [{"field": "frames", "format": ","}, {"field": "rate", "format": ",.0f"}],
        },
    }  # fmt: skip
    best = max(values, key=lambda row: row["rate"])
    return Figure(
        "throughput", "Throughput over batch size",
        f"Line chart of frames a second against the batch size. The best is {best['rate']:,.0f} frames/s at "
        f"{best['frames']:,} frames.",
        spec,
        Table(("frames a batch", "frames/s"), [(f"{row['frames']:,}", f"{row['rate']:,.0f}") for row in values]),
    )  # fmt: skip


def _split(bench: BenchReport) -> Figure:
    values: list[dict[str, Any]] = [
        {"frames": f"{batch.frames:,}", "part": part, "microseconds": 1e6 * seconds / batch.frames}
        for batch in bench.batches
        for part, seconds in batch.parts_seconds.items()
        if seconds is not None
    ]
    parts = list(dict.fromkeys(row["part"] for row in values))
    spec = {
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "y": {"field": "frames", "type": "nominal", "sort": None, "title": "frames a batch"},
            "x": {"field": "microseconds", "type": "quantitative", "title": "microseconds a frame"},
            "color": {"field": "part", "type": "nominal", "sort": parts, "title": None, "legend": {"orient": "top"}},
            "tooltip": [{"field": "frames"}, {"field": "part"}, {"field": "microseconds", "format": ",.1f"}],
        },
    }
    rows = [(row["frames"], row["part"], f"{row['microseconds']:,.1f}") for row in values]
    return Figure(
        "split", "Where the driver's time goes",
        f"Stacked bar chart of the time a frame, split into {', '.join(parts)}. Parts may overlap.",
        spec,
        Table(("frames a batch", "part", "microseconds a frame"), rows),
    )  # fmt: skip
