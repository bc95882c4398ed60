"""The figures that every stage draws the same way; each writes its numbers as JSON beside the image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from radioml.constants import CLASSES, SNRS_DB
from radioml.contract.speed import BenchReport
from radioml.files import replacing, write_json
from radioml.reading.records import values
from radioml.report.axes import plain_logarithmic
from radioml.report.metrics import Metrics

_CHANCE = 1 / len(CLASSES)


def accuracy_over_snr(path: Path | str, curves: Mapping[str, Metrics], title: str, data: str) -> None:
    """Draw accuracy against SNR with its 95 % confidence band, one curve a name, and write `path`.json's numbers.

    title: what was measured. data: the measured data, e.g. "synthetic data", which stand under the title and in the
    JSON.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name, metrics in curves.items():
        points = {snr: value for snr, value in metrics.per_snr.items() if value.frames}
        low, high = np.transpose([value.interval for value in points.values()])
        overall = metrics.overall
        label = f"{name}: {overall.accuracy:.1%} over {metrics.scope}, {overall.frames:,} frames"
        snrs = list(points)
        (line,) = axes.plot(snrs, [v.accuracy for v in points.values()], marker="o", ms=4, label=label)
        axes.fill_between(snrs, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.axhline(_CHANCE, color="grey", linestyle=":", linewidth=1, label=f"guessing: {_CHANCE:.1%}")
    axes.set(xlabel="SNR label (dB)", ylabel="accuracy", ylim=(0, 1.02), xlim=(SNRS_DB[0] - 1, SNRS_DB[-1] + 1))
    axes.set_xticks(range(SNRS_DB[0], SNRS_DB[-1] + 1, 10))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xticks(SNRS_DB, minor=True)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 0.06))
    axes.set_title(f"{title}\n{data}; band: 95 % confidence")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
    write_json(
        Path(path).with_suffix(".json"),
        {
            "title": title,
            "data": data,
            "curves": {name: metrics.measured.to_json() for name, metrics in curves.items()},
        },
    )


def accuracy_by_class(path: Path | str, metrics: Metrics, title: str, data: str) -> None:
    """Draw each class's accuracy over its frames with the 95 % confidence interval, and write `path`.json's numbers.

    title, data: as in `accuracy_over_snr`.
    """
    from matplotlib.figure import Figure

    measured = {name: value for name, value in metrics.per_class.items() if value.frames}
    accuracy = np.array([value.accuracy for value in measured.values()])
    low, high = np.transpose([value.interval for value in measured.values()])
    figure = Figure(figsize=(8, 6.5), layout="constrained")
    axes = figure.subplots()
    # at 0 or 1 rounding can put the interval's end a hair on the wrong side, which errorbar refuses
    distances = np.maximum([accuracy - low, high - accuracy], 0)
    axes.errorbar(accuracy, range(len(measured)), xerr=distances, fmt="o", ms=5, capsize=3)
    axes.axvline(metrics.overall.accuracy, color="grey", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(measured)), measured)
    axes.invert_yaxis()
    axes.set(xlabel=f"accuracy (dashed: over {metrics.scope})", xlim=(-0.02, 1.02))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(alpha=0.3)
    axes.set_title(f"{title}\n{data}\n{metrics.overall.frames:,} frames; bars: 95 % confidence", fontsize=11)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
    classes = {name: values(value.share) for name, value in metrics.per_class.items()}
    write_json(Path(path).with_suffix(".json"), {"title": title, "data": data, "per_class": classes})


def confusion_matrix(path: Path | str, metrics: Metrics, title: str, data: str, snr_db: int | None = None) -> None:
    """Draw the confusion matrix at one SNR label (default: of all frames), rows in per cent of the true class's frames.

    Writes `path` and, beside it, the counts as JSON. title, data: as in `accuracy_over_snr`.
    """
    from matplotlib.figure import Figure

    counts = metrics.confusion(snr_db)
    rows = counts.sum(1, keepdims=True)
    share = np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)
    figure = Figure(figsize=(10, 9), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for true, predicted in np.argwhere(share >= 0.005):
        value = share[true, predicted]
        colour = "white" if value > 0.5 else "black"
        axes.text(predicted, true, f"{100 * value:.0f}", ha="center", va="center", color=colour, fontsize=7)
    axes.set_xticks(range(len(CLASSES)), CLASSES, rotation=90)
    axes.set_yticks(range(len(CLASSES)), CLASSES)
    axes.set(xlabel="predicted class", ylabel="true class")
    bar = figure.colorbar(image, shrink=0.8, label="share of the true class's frames")
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    snrs = metrics.scope if snr_db is None else f"SNR label {snr_db:+d} dB"
    axes.set_title(f"{title}\n{data}; {snrs}, {counts.sum():,} frames, per cent of the true class", fontsize=11)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
    write_json(
        Path(path).with_suffix(".json"),
        {"title": title, "data": data, "snr_db": snr_db, "classes": list(CLASSES), "counts": counts.tolist()},
    )


def throughput_over_batch_size(path: Path | str, benchmark: BenchReport, title: str) -> None:
    """Draw frames a second and the shares of a batch's time over its size, and write the benchmark as `path`.json."""
    from matplotlib.figure import Figure

    batches, streaming = benchmark.batches, benchmark.streaming
    sizes = [f"{batch.frames:,}" for batch in batches]
    figure = Figure(figsize=(8, 8), layout="constrained")
    above, below = figure.subplots(2)
    for rates, label in (
        ([batch.frames_per_second for batch in batches], "one batch after the other, quantising included"),
        ([batch.frames_per_second_without_quantising for batch in batches], "without quantising"),
    ):
        above.plot(sizes, rates, marker="o", ms=4, label=label)
    if streaming.frames_per_second:
        label = f"streaming, batches of {streaming.batch:,}"
        above.axhline(streaming.frames_per_second, color="grey", linestyle="--", linewidth=1, label=label)
    above.set(yscale="log", ylabel="frames a second")
    plain_logarithmic(above.yaxis)
    above.grid(alpha=0.3, which="both")
    above.legend()
    shares = {name: [batch.parts_seconds[name] or 0.0 for batch in batches] for name in batches[0].parts_seconds}
    sums, bottom = np.sum(list(shares.values()), 0), np.zeros(len(batches))
    for name, seconds in shares.items():
        if any(seconds):
            below.bar(sizes, seconds / sums, bottom=bottom, label=name)
            bottom += seconds / sums
    for at, batch in enumerate(batches):
        below.text(at, 1.01, f"{1e6 * batch.seconds / batch.frames:,.1f} µs", ha="center", fontsize=8)
    below.set(xlabel="frames in a batch", ylabel="share of the parts' time; above: time a frame", ylim=(0, 1.08))
    below.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    below.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    ended = f"; ended early: {benchmark.problem}" if benchmark.problem else ""
    figure.suptitle(f"{title}\n{benchmark.figures}{ended}", fontsize=11)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
    benchmark.write(Path(path).with_suffix(".json"))
