"""How commands show accuracies: tables and sentences with their confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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
    """An accuracy, its interval and the frames it is of."""
    if not value.frames:
        return "no frames"
    low, high = value.interval
    return f"{value.accuracy:.2%} ({low:.2%} .. {high:.2%} with 95 % confidence, {value.frames:,} frames)"


def trained_on(data: Mapping[str, Any]) -> str:
    """What a network was trained on, from its `training_data`."""
    return f"{data.get('kind', 'unknown')} data ({data.get('identity', 'unnamed')})"
