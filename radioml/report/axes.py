"""Axes whose labels a reader can tell apart: plain numbers on logarithmic ones, per cent as fine as they need to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axis import Axis


def plain_logarithmic(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers, 0.02 or 50,000, a few of them; call it when all is drawn."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    low, high = sorted(axis.get_view_interval())
    for locator in (LogLocator(numticks=8), LogLocator(subs=(1, 2, 5), numticks=12), MaxNLocator(5)):
        inside = [value for value in locator.tick_values(low, high) if low <= value <= high]
        if len(inside) >= _FEWEST:
            break
    axis.set_major_locator(locator)
    axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axis.set_minor_formatter(NullFormatter())


_FEWEST = 3


def per_cent(axis: Axis) -> None:
    """Label an axis of shares in per cent, with as many decimals as tell its ticks apart."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1))
