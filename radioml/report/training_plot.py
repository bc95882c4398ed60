"""The curve of a training run: loss and accuracy over epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from radioml.contract.history import Epoch
from radioml.files import replacing
from radioml.report.axes import per_cent


def training_curve(path: Path | str, history: Sequence[Epoch], title: str, data: str) -> None:
    """Draw loss (training, validation) and validation accuracy of each epoch; data: the training data, in words."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = [one.epoch for one in history]
    figure = Figure(figsize=(8, 6), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    for losses, label in (
        ([one.training_loss for one in history], "training"),
        ([one.validation_loss for one in history], "validation"),
    ):
        above.plot(epochs, _drawn(losses), marker="o", ms=4, label=label)
    above.set(ylabel="loss (cross entropy, or with the teacher's)")
    above.legend()
    accuracy = [one.validation_accuracy for one in history]
    best = max(history, key=lambda one: one.validation_accuracy or 0.0)
    below.plot(epochs, _drawn(accuracy), marker="o", ms=4, color="C1")
    below.axvline(best.epoch, color="grey", linestyle="--", linewidth=1)
    below.set(xlabel=f"epoch (dashed: the most accurate, {best.epoch})", ylabel="accuracy on validation frames")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    per_cent(below.yaxis)
    for axes in (above, below):
        axes.grid(alpha=0.3)
    figure.suptitle(f"{title}\n{data}", fontsize=11)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)


def _drawn(values: Sequence[float | None]) -> list[float]:
    """Values that Matplotlib draws, with a gap for each that is unknown."""
    return [math.nan if value is None else value for value in values]
