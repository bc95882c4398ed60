"""What the stages of a build are compared with: the trained network, or the file of an imported one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioml.run_directory import CHECKPOINT, IMPORTED

if TYPE_CHECKING:
    from finn_build.verify.rung import Reference
    from radioml.foreign.reference import Levels
    from training.trained.inner_levels import InnerLevels


@dataclass(frozen=True)
class NetworkOfBuild:
    """The network that a build was made of.

    name: for reports. logits: frames float32 (N, 1024, 2) and a function that is told how many are done -> int64 (N,
    classes). levels: frames -> every activation's levels, and the logits.
    """

    name: str
    logits: Callable[[np.ndarray, Callable[[int], object]], np.ndarray]
    levels: Callable[[np.ndarray], Reference]


def network_of_build(folder: Path, given: Path | None) -> NetworkOfBuild:
    """The network of a build folder, read from the file `given`, or else from the run that holds the folder.

    Raises RadioMLError for a folder without a finished build, and for a file that is missing or of another network.
    """
    from finn_build.engine.paths import NETWORK
    from finn_build.engine.record import load_record, source_of
    from radioml.contract.metadata import load_exported
    from radioml.errors import RadioMLError

    if "estimate" not in load_record(folder).stages:
        raise RadioMLError(f"{folder}: its build has not finished; run `radioml build` first")
    _, metadata = load_exported(folder / NETWORK)
    if metadata.imported is None:
        from training.trained.inner_levels import inner_levels
        from training.trained.reference import integer_logits

        path = source_of(folder, given, CHECKPOINT)
        return NetworkOfBuild(
            metadata.reference_name,
            lambda iq, progress: integer_logits(path, iq, progress),
            lambda iq: _reference(inner_levels(path, iq), metadata.reference_name),
        )
    from radioml.foreign.reference import load_reference, reference_levels, reference_logits

    network = load_reference(source_of(folder, given, IMPORTED), metadata)
    return NetworkOfBuild(
        metadata.reference_name,
        lambda iq, progress: reference_logits(network, iq, lambda done, total: progress(done)),
        lambda iq: _reference(reference_levels(network, iq), metadata.reference_name),
    )


def _reference(levels: InnerLevels | Levels, name: str) -> Reference:
    from finn_build.verify.rung import Reference

    return Reference(levels.logits, levels.layers, levels.classifier, name)
