"""A front end that is fitted to the file it is trained on, where the generator did not make the file's frames.

The shipped constants of `symbol_statistics` were fitted to generated frames. Another receiver has other filters and
levels.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from radioml.data.provenance import is_generated
from training.experiments.experiment import Experiment
from training.models import topology
from training.models.on_statistics import FITTED, OnStatistics


def with_fitted_front_end(experiment: Experiment, data: Path, console: Console) -> Experiment:
    """The experiment with constants of its front end that were fitted to training frames of a RadioML file.

    An experiment stays as it is in four cases: its topology has no front end to fit, it names one of `FITTED` itself,
    it starts from a checkpoint, or the project's generator made the file.

    Raises:
        RadioMLError: for a file that cannot be read, or that the front end is not made for.
    """
    model = topology(experiment.topology).model
    own = experiment.training.start_from or any(name in experiment.parameters for name in FITTED)
    if own or not issubclass(model, OnStatistics) or is_generated(data):
        return experiment
    found = model.fitted_to(data)
    for name in FITTED:
        fitted = name in found
        which = "fitted to training frames" if fitted else "the shipped constants, because no frames suit the fit"
        console.print(f"{name} of {escape(str(data))}: {which}", soft_wrap=True)
    return experiment.model_copy(update={"parameters": {**experiment.parameters, **found}})
