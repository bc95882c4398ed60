"""The curve of a training run: loss and accuracy over epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from radioml.files import replacing
from radioml.report.axes import per_cent


def training_curve(path: Path | str, history: Sequence[Mapping[str, float]], title: str, data: str) -> None:
    """Draw loss (training, validation) and validation accuracy of each epoch.

    history: epochs with `epoch`, `validation_accuracy` and, where known, `training_loss` and `validation_loss`.
    data: the training data, in words.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = [values["epoch"] for values in history]
    figure = Figure(figsize=(8, 6), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    for key, label in (("training_loss", "training"), ("validation_loss", "validation")):
        above.plot(epochs, [values.get(key, math.nan) for values in history], marker="o", ms=4, label=label)
    above.set(ylabel="loss (cross entropy, or with the teacher's)")
    above.legend()
    accuracy = [values["validation_accuracy"] for values in history]
    best = max(history, key=lambda values: values["validation_accuracy"])
    below.plot(epochs, accuracy, marker="o", ms=4, color="C1")
    below.axvline(best["epoch"], color="grey", linestyle="--", linewidth=1)
    below.set(xlabel=f"epoch (dashed: the most accurate, {best['epoch']:g})", ylabel="accuracy on validation frames")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    per_cent(below.yaxis)
    for axes in (above, below):
        axes.grid(alpha=0.3)
    figure.suptitle(f"{title}\n{data}", fontsize=11)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
