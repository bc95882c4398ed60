"""The plot of cost against accuracy, with a Pareto front for each set of runs that can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING

from radioml.constants import REQUIRED_ACCURACY
from radioml.files import replacing, write_json
from radioml.report.axes import per_cent, plain_logarithmic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg

_Line = tuple[tuple[float, float], ...]
"""Both ends, (score, accuracy), of a line that is drawn upright or level."""
_LABEL_DISTANCES = (7, 16, 28, 42, 60)  # points
_LABEL_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))

PUBLISHED = "published, real data"


@dataclass(frozen=True)
class Point:
    """One network: official score (lower is cheaper), accuracy 0 to 1.

    interval: 95 % confidence interval of the accuracy, if known. conservative: the conservative score, if known.
    """

    label: str
    score: float
    accuracy: float
    interval: tuple[float, float] | None = None
    conservative: float | None = None

    @property
    def span(self) -> tuple[float, float] | None:
        """Official and conservative score where they differ."""
        known = self.conservative is not None and self.conservative > self.score
        return (self.score, self.conservative) if known else None  # type: ignore[return-value]


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """The points that no other point dominates by being cheaper and as accurate, or as cheap and more accurate.

    The front is sorted from the cheapest to the most accurate.
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.score, -p.accuracy)):
        if not front or point.accuracy > front[-1].accuracy:
            front.append(point)
    return front


def tradeoff(path: Path | str, groups: Mapping[str, Sequence[Point]], published: Sequence[Point]) -> None:
    """Draw accuracy against official score, and write `path`.json's numbers; hollow markers are conservative scores.

    groups: the data that points were measured on -> those points; each group has its own colour, its own front, and
    its name in the legend. published: drawn apart as `PUBLISHED`, on no front of ours.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.5), layout="constrained")
    canvas = FigureCanvasAgg(figure)  # labels are placed by their size, which needs a renderer
    axes = figure.subplots()
    lines: list[_Line] = []
    for index, (data, points) in enumerate(groups.items()):
        colour = f"C{index}"
        for point in points:
            low, high = point.interval or (point.accuracy, point.accuracy)
            errors = [[max(point.accuracy - low, 0)], [max(high - point.accuracy, 0)]]
            label = data if point is points[0] else None
            axes.errorbar(point.score, point.accuracy, errors, fmt="o", color=colour, capsize=3, label=label)
            lines.append(((point.score, low), (point.score, high)))
            if point.span:
                both = (point.accuracy, point.accuracy)
                axes.plot(point.span, both, "o:", color=colour, fillstyle="none", markevery=[1], linewidth=1)
                lines.append(tuple(zip(point.span, both, strict=True)))
        front = pareto_front(points)
        axes.step([p.score for p in front], [p.accuracy for p in front], where="post", color=colour, alpha=0.5)
        for one, next_one in pairwise(front):
            corner = next_one.score, one.accuracy
            lines += [((one.score, one.accuracy), corner), (corner, (next_one.score, next_one.accuracy))]
    scores, accuracies = [p.score for p in published], [p.accuracy for p in published]
    axes.plot(scores, accuracies, "s", color="black", fillstyle="none", label=PUBLISHED)
    axes.axhline(
        REQUIRED_ACCURACY, color="grey", linestyle=":", linewidth=1,
        label=f"{REQUIRED_ACCURACY:.0%}: what the challenge asks for on real data",
    )  # fmt: skip
    if any(point.span for points in groups.values() for point in points):
        axes.plot([], [], "o:", color="grey", fillstyle="none", linewidth=1, label="conservative score")
    axes.set(xlabel="inference cost score (VGG10 W8A8 baseline: 1; lower is better)", ylabel="accuracy over all SNRs")
    axes.set_xscale("log")
    axes.margins(0.12)
    per_cent(axes.yaxis)
    plain_logarithmic(axes.xaxis)
    axes.grid(alpha=0.3)
    axes.set_title("cost against accuracy; lines: Pareto front of the runs tested on the same data, bars: 95 %")
    figure.legend(loc="outside lower center")
    canvas.draw()
    lines.append(tuple((score, REQUIRED_ACCURACY) for score in axes.get_xlim()))
    coloured = [(point, f"C{index}") for index, points in enumerate(groups.values()) for point in points]
    _label(axes, canvas, [*coloured, *((point, "black") for point in published)], lines)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
    fronts = {data: [point.label for point in pareto_front(points)] for data, points in groups.items()}
    write_json(
        Path(path).with_suffix(".json"),
        {
            "runs": {data: [asdict(point) for point in points] for data, points in groups.items()},
            "pareto_fronts": fronts,
            PUBLISHED: [asdict(point) for point in published],
        },
    )


def _label(axes: Axes, canvas: FigureCanvasAgg, points: Sequence[tuple[Point, str]], lines: Sequence[_Line]) -> None:
    """Write each point's label, in its colour, at the nearest place where it covers no marker, label or line."""
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

    markers = axes.transData.transform([(point.score, point.accuracy) for point, _ in points])
    half = 6 * axes.figure.dpi / 72
    taken = [Bbox.from_extents(x - half, y - half, x + half, y + half) for x, y in markers]
    for line in lines:
        (x0, y0), (x1, y1) = axes.transData.transform(line)
        taken.append(Bbox.from_extents(x0 - 1, min(y0, y1) - 1, x1 + 1, max(y0, y1) + 1))
    for point, colour in points:
        text = axes.annotate(
            point.label, (point.score, point.accuracy), (0, 0), textcoords="offset points", color=colour, fontsize=8,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5},
        )  # fmt: skip
        text.set_in_layout(False)
        for distance, (right, up) in product(_LABEL_DISTANCES, _LABEL_DIRECTIONS):
            text.set_position((distance * right, distance * up))
            text.set(ha={1: "left", 0: "center", -1: "right"}[right], va={1: "bottom", 0: "center", -1: "top"}[up])
            if text.arrow_patch is not None:
                text.arrow_patch.set_visible(distance > _LABEL_DISTANCES[0])
            text.update_positions(canvas.get_renderer())
            box = Text.get_window_extent(text)  # an annotation's own extent includes its arrow
            inside = axes.bbox.contains(box.x0, box.y0) and axes.bbox.contains(box.x1, box.y1)
            if inside and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)
