"""What the host must know of a network, whatever computes it."""

from __future__ import annotations

from typing import Protocol

from radioml.contract.accuracy import TrainedAccuracy
from radioml.contract.quantiser import InputQuantiser
from radioml.contract.training_data import TrainingData


class Described(Protocol):
    """A network as a package's manifest or a model's metadata describes it; see `ModelMetadata` for the fields."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class of each logit."""
        ...

    @property
    def quantiser(self) -> InputQuantiser:
        """How samples become the network's integers."""
        ...

    @property
    def logit_scale(self) -> float:
        """Value of one step of the integer logits."""
        ...

    @property
    def training_data(self) -> TrainingData:
        """What the network was trained on."""
        ...

    @property
    def accuracy(self) -> TrainedAccuracy:
        """How accurate it was after training."""
        ...
