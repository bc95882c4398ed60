"""Comparison of trained runs in one table and one plot, with the published entries of the challenge.

Accuracies can be compared on the same frames only. Runs are therefore grouped by their test data, and each group has
its own Pareto front. Published accuracies are of the real test part and join no front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from radioml.errors import RadioMLError
from radioml.files import write_json, write_text
from radioml.report.page.run_content import measurements
from radioml.report.tradeoff_plot import Point, pareto_front, tradeoff
from training.experiments.experiment import load_experiment
from training.models import topologies, topology
from training.models.registry import Published
from training.trained.trained_run import TrainedRun, open_trained_run


@dataclass(frozen=True)
class Entry:
    """One run: a row of the table.

    bits: widths of the weights and of the layers' inputs, e.g. "W4 A4/8".
    parameters: number of trained parameters.
    score, conservative: None for a network with operations that the official function does not know.
    bit_ops, bit_mem: inference cost.
    accuracy, interval, at_30_db: 0 to 1, of the run's measurement over the most frames, by `radioml train` or `radioml
        evaluate`; None without a measurement.
    kind, data: kind and description of the test data; data is "" without a measurement.
    published: the authors' figures of the same network.
    best: whether the run is on the Pareto front of its group.
    """

    run: str
    topology: str
    bits: str
    parameters: int
    score: float | None
    conservative: float | None
    bit_ops: int
    bit_mem: int
    accuracy: float | None
    interval: tuple[float, float] | None
    at_30_db: float | None
    kind: str
    data: str
    published: Published | None
    best: bool = False


def compare(runs: Sequence[Path], progress: Callable[[int, int], object] = lambda done, total: None) -> list[Entry]:
    """Entries of the runs in the order of their scores; runs without a current export are exported.

    progress: called with the number of runs done and of all. Raises RadioMLError for a run that is not trained, and
    for one that is named twice.
    """
    if twice := [str(run) for run in runs if list(runs).count(run) > 1]:
        raise RadioMLError(f"{twice[0]} is named twice")
    names = [run.resolve().name for run in runs]
    entries = []
    for done, run in enumerate(runs):
        progress(done, len(runs))
        name = names[done] if names.count(names[done]) == 1 else str(run)
        entries.append(_entry(name, open_trained_run(run)))
    progress(len(runs), len(runs))
    best = {point.label for group in groups(entries).values() for point in pareto_front(group)}
    marked = [Entry(**{**vars(entry), "best": entry.run in best}) for entry in entries]
    return sorted(marked, key=lambda entry: (entry.score is None, entry.score, entry.run))


def groups(entries: Sequence[Entry]) -> dict[str, list[Point]]:
    """Description of the test data -> entries with score and accuracy."""
    found: dict[str, list[Point]] = {}
    for entry in entries:
        if entry.score is not None and entry.accuracy is not None:
            point = Point(entry.run, entry.score, entry.accuracy, entry.interval, entry.conservative)
            found.setdefault(entry.data, []).append(point)
    return found


def published_points() -> list[Point]:
    """The published entries with a score; labels are names of the shipped experiments."""
    entries = {name: value for known in topologies() for name, value in topology(known).published.items()}
    return [Point(name, value.score, value.accuracy) for name, value in entries.items() if value.score is not None]


def write_comparison(entries: Sequence[Entry], folder: Path) -> None:
    """Write comparison.json, comparison.md (the table) and tradeoff.png with its JSON into `folder`."""
    write_json(folder / "comparison.json", [asdict(entry) for entry in entries])
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(row) + " |" for row in rows(entries)]
    write_text(folder / "comparison.md", "\n".join([*lines, "", *(f"{note}  " for note in remarks(entries))]) + "\n")
    tradeoff(folder / "tradeoff.png", groups(entries), published_points())


COLUMNS = (
    "run", "topology", "bits", "parameters", "score", "conservative score", "bit operations", "bits of weights",
    "accuracy (95 % interval)", "at +30 dB", "data", "published score", "published accuracy (real data)",
)  # fmt: skip


def rows(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """The entries as text, one cell for each of COLUMNS; `remarks` explains stars and numbers of data."""
    numbers = _data_numbers(entries)
    return [_cells(entry, f"{entry.kind} ({numbers[entry.data]})" if entry.data else "") for entry in entries]


def remarks(entries: Sequence[Entry]) -> list[str]:
    """Notes under the table."""
    explained = [f"({number}) {data}" for data, number in _data_numbers(entries).items()]
    return ["star: on the Pareto front of the runs tested on the same data", *explained]


def _data_numbers(entries: Sequence[Entry]) -> dict[str, int]:
    """Description of test data -> number, from 1 in the order of the table."""
    return {data: n for n, data in enumerate(dict.fromkeys(entry.data for entry in entries if entry.data), 1)}


def _cells(entry: Entry, data: str) -> tuple[str, ...]:
    published = entry.published
    accuracy = "not measured"
    if entry.accuracy is not None:
        accuracy = f"{entry.accuracy:.2%}"
        if entry.interval is not None:
            accuracy += f" ({entry.interval[0]:.2%} to {entry.interval[1]:.2%})"
    return (
        entry.run + " *" * entry.best,
        entry.topology,
        entry.bits,
        f"{entry.parameters:,}",
        "no valid score" if entry.score is None else f"{entry.score:.6f}",
        "" if entry.conservative is None else f"{entry.conservative:.6f}",
        f"{entry.bit_ops:,}",
        f"{entry.bit_mem:,}",
        accuracy,
        "" if entry.at_30_db is None else f"{entry.at_30_db:.2%}",
        data,
        "" if published is None or published.score is None else f"{published.score:.6f}",
        "" if published is None else f"{published.accuracy:.2%}",
    )


def _entry(name: str, run: TrainedRun) -> Entry:
    trained, score = run.trained, run.score
    weights = sorted({layer.weight_bits for layer in score.layers})
    inputs = sorted({layer.input_bits for layer in score.layers})
    accuracy, interval, at_30_db, kind, data = _measured(run)
    return Entry(
        run=name,
        topology=trained.topology,
        bits=f"W{'/'.join(map(str, weights))} A{'/'.join(map(str, inputs))}",
        parameters=sum(parameter.numel() for parameter in trained.network.parameters()),
        score=None if score.unsupported else score.score,
        conservative=None if score.unsupported else score.conservative,
        bit_ops=score.bit_ops,
        bit_mem=score.bit_mem,
        accuracy=accuracy,
        interval=interval,
        at_30_db=at_30_db,
        kind=kind,
        data=data,
        published=_published(run),
    )


def _measured(run: TrainedRun) -> tuple[float | None, tuple[float, float] | None, float | None, str, str]:
    """Accuracy, interval, accuracy at +30 dB, kind and description of the data, as `Entry` has them."""
    if found := measurements(run.path):
        most = found[0]
        overall, top = most.metrics.overall, most.metrics.at_30_db
        return overall.accuracy, (overall.low, overall.high), top.accuracy, most.kind, most.data
    recorded = run.trained.accuracy
    kind = run.trained.training_data.kind
    return recorded.overall, recorded.interval_95, recorded.at_30_db, kind, recorded.data or ""


def _published(run: TrainedRun) -> Published | None:
    """Published figures of the experiment with this run's topology and parameters."""
    for name, published in topology(run.trained.topology).published.items():
        if load_experiment(name).parameters == run.trained.parameters:
            return published
    return None
