"""The table of the shipped experiments, their cost and their published figures, computed in advance.

Building, exporting and scoring all of the networks takes half a minute. `python -m training.experiments.zoo` computes
the table anew and writes zoo.json; a test compares the file with the code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from radioml.files import write_json
from radioml.reading.records import read_record

if TYPE_CHECKING:
    from training.experiments.experiment import Experiment

FILE = Path(__file__).with_name("zoo.json")


@dataclass(frozen=True)
class ZooEntry:
    """A shipped experiment.

    parameters: numbers that are trained. bit_ops, bit_mem, score: by the official cost function, no weight zero.
    published_score, published_accuracy, remark: of its authors, see `training.models.registry.Published`.
    """

    experiment: str
    topology: str
    parameters: int
    bit_ops: int
    bit_mem: int
    score: float
    published_score: float | None = None
    published_accuracy: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class Zoo:
    """entries: by the name of the experiment. sources: topology -> where it comes from."""

    entries: tuple[ZooEntry, ...]
    sources: dict[str, str]


def read_zoo() -> Zoo:
    """The table as it is shipped."""
    return read_record(FILE, Zoo)


def compute_zoo(progress: Callable[[Iterable[str]], Iterable[str]] = lambda names: names) -> Zoo:
    """Compute the table; progress: wraps the names of the experiments, as `rich.progress.track` does."""
    from training.experiments.experiment import CONFIGS, load_experiment
    from training.models import create, topologies, topology
    from training.models.cost import unpruned_score

    entries = []
    for name in progress(sorted(path.stem for path in CONFIGS.glob("*.yaml"))):
        experiment = load_experiment(name)
        if not _is_in_the_table(experiment):
            continue
        network = create(experiment.topology, experiment.parameters)
        score = unpruned_score(network)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        published = topology(experiment.topology).published.get(name)
        entries.append(
            ZooEntry(
                name, experiment.topology, parameters, score.bit_ops, score.bit_mem, score.score,
                *((published.score, published.accuracy, published.remark) if published else ()),
            )
        )  # fmt: skip
    return Zoo(tuple(entries), {name: topology(name).source for name in topologies()})


def _is_in_the_table(experiment: Experiment) -> bool:
    """Whether the table has an experiment; it has no further training, no dense head before ablation and no teacher."""
    ablated = experiment.pruning is not None and experiment.pruning.method == "ablation"
    return not (experiment.training.start_from or ablated or experiment.topology == "symbol_statistics_wide")


if __name__ == "__main__":
    from rich.progress import track

    write_json(FILE, asdict(compute_zoo(lambda names: track(list(names), "exporting and scoring"))))
    print(f"wrote {FILE}: {len(json.loads(FILE.read_text())['entries'])} experiments")
