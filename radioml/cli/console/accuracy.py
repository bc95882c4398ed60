"""How commands show accuracies: tables and sentences with their confidence intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from radioml.report.metrics import Metrics, Proportion


def by_snr(metrics: Metrics) -> Table:
    """Accuracy at each SNR label that has frames."""
    return proportions("SNR label", {f"{snr:+d} dB": value for snr, value in metrics.per_snr.items()})


def proportions(title: str, rows: Mapping[str, Proportion]) -> Table:
    """A row for each name that has frames; title: what the names are."""
    table = Table(title, "accuracy", "95 % interval", "frames", box=None, padding=(0, 2))
    for name, value in rows.items():
        if value.frames:
            low, high = value.interval
            table.add_row(name, f"{value.accuracy:.1%}", f"{low:.1%} .. {high:.1%}", f"{value.frames:,}")
    return table


def with_interval(value: Proportion) -> str:
    """An accuracy with its interval and number of frames, in words."""
    if not value.frames:
        return "no frames"
    low, high = value.interval
    return f"{value.accuracy:.2%} ({low:.2%} .. {high:.2%} with 95 % confidence, {value.frames:,} frames)"


def print_warnings(console: Console, warnings: Iterable[str]) -> None:
    """Print warnings about the level of frames, a line each."""
    for warning in warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}", soft_wrap=True)


def headline(metrics: Metrics) -> list[tuple[str, str]]:
    """Rows of the accuracy over all frames, and at +30 dB where there are any."""
    rows = [(f"accuracy over {metrics.scope}", with_interval(metrics.overall))]
    if metrics.at_30_db.frames:
        rows.append(("accuracy at +30 dB", with_interval(metrics.at_30_db)))
    return rows
