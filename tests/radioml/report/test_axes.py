"""Labels of axes: distinct, plain, and enough of them."""

from __future__ import annotations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from radioml.report.axes import per_cent, plain_logarithmic


def labels(values: tuple[float, float], logarithmic: bool) -> list[str]:
    figure = Figure()
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(values, (0, 1))
    if logarithmic:
        axes.set_xscale("log")
        plain_logarithmic(axes.xaxis)
    else:
        per_cent(axes.xaxis)
    canvas.draw()
    low, high = axes.get_xlim()
    ticks = [*axes.xaxis.get_major_ticks(), *axes.xaxis.get_minor_ticks()]
    return [tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= high and tick.label1.get_text()]


@pytest.mark.parametrize(
    "values", [(0.0396, 0.0398), (0.02, 0.05), (0.0003, 1.02), (1e-5, 30), (37.1, 37.4), (4e1, 5e6), (0.1, 0.1)]
)
def test_logarithmic_axes_have_plain_numbers(values: tuple[float, float]):
    found = labels(values, logarithmic=True)
    assert 3 <= len(found) == len(set(found)) <= 14
    assert all(float(label.replace(",", "")) > 0 for label in found), "no powers of ten"


@pytest.mark.parametrize("values", [(0.128, 0.151), (0, 1), (0.56, 0.5601), (0.3, 0.8)])
def test_shares_are_in_per_cent_as_fine_as_they_need_to_be(values: tuple[float, float]):
    found = labels(values, logarithmic=False)
    assert 3 <= len(found) == len(set(found)) and all(label.endswith("%") for label in found)
