"""What a network was trained on, as checkpoint, model and package carry it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingData:
    """The data file of a training; None for what is unknown.

    kind, identity: as `radioml.data.provenance.Origin` has them. sha256: of the file, "" of bare weights.
    started_from: where the training began with another checkpoint's weights.
    """

    kind: str
    identity: str | None = None
    sha256: str | None = None
    started_from: StartedFrom | None = None


@dataclass(frozen=True)
class StartedFrom:
    """The checkpoint that a training began with, and what that one was trained on."""

    checkpoint_sha256: str
    training_data: TrainingData
