"""Pruning during training, by accuracy on validation frames alone: its settings; `pruning_callback` does it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from training.section import Section


class Iterative(Section):
    """Prune in steps to a sparsity that is set beforehand; one step is one-shot pruning.

    sparsity: of all weights, or of the channels of each layer, after the last step. steps: their number, each at the
    start of an epoch, `every` epochs apart, the first in `first_epoch` (from 0).
    curve: cubic prunes much at first and little at last: after step k of n the sparsity is
    s + (start - s) (1 - k/n)^3 (M. Zhu and S. Gupta, "To Prune, or Not to Prune", 2017); geometric prunes the same
    share of what is left in each step.
    """

    kind: Literal["iterative"]
    sparsity: float = Field(gt=0, lt=1)
    steps: int = Field(ge=1)
    every: int = Field(default=1, ge=1)
    first_epoch: int = Field(default=0, ge=0)
    curve: Literal["cubic", "geometric"] = "cubic"

    @property
    def last_epoch(self) -> int:
        """The epoch of the last step, from 0."""
        return self.first_epoch + (self.steps - 1) * self.every

    def kept(self, step: int, start: float) -> float:
        """Share of the weights that is left after `step` (from 1), of `start` before the first."""
        done, end = step / self.steps, 1 - self.sparsity
        if self.curve == "cubic":
            return end + (start - end) * (1 - done) ** 3
        return start * (end / start) ** done


class Feedback(Section):
    """Prune a share of what is left, train until the accuracy is back, and so on; back off where it does not come back.

    J. Krzyston, R. Bhattacharjea, A. Stark, "Feedback Magnitude Pruning", 2021
    (https://github.com/JakobKrzyston/Feedback_Magnitude_Pruning), with their values as defaults.

    floor: validation accuracy over all SNRs, 0 to 1, at which a step is accepted and the next taken; the first is taken
    when the unpruned network is there. step: share of the remaining weights or channels that a step takes.
    patience: epochs that a step has to get to the floor. If it does not, the last accepted weights come back and the
    step is divided by `divisor`; under `minimum_step` the run ends.
    """

    kind: Literal["feedback"]
    floor: float = Field(gt=0, lt=1)
    step: float = Field(default=0.2, gt=0, lt=1)
    divisor: float = Field(default=2.0, gt=1)
    minimum_step: float = Field(default=0.05, gt=0, lt=1)
    patience: int = Field(default=15, ge=1)

    @model_validator(mode="after")
    def _step_is_possible(self) -> Feedback:
        if self.step < self.minimum_step:
            raise ValueError(f"step = {self.step} is less than minimum_step = {self.minimum_step}: nothing is pruned")
        return self


class Pruning(Section):
    """What is taken away, and when.

    method: global: the weights of least magnitude among all layers; layer: the same share in each layer; channels: the
    output channels of least norm, the same share in each layer, which makes the network itself smaller.
    multiple_of: so many channels, or a multiple of it, stay in each layer, which leaves an accelerator ways to fold.
    """

    method: Literal["global", "layer", "channels"] = "global"
    multiple_of: int = Field(default=1, ge=1)
    schedule: Annotated[Iterative | Feedback, Field(discriminator="kind")]

    @model_validator(mode="after")
    def _multiples_are_of_channels(self) -> Pruning:
        if self.method != "channels" and self.multiple_of > 1:
            raise ValueError(f"multiple_of counts channels; method {self.method!r} takes single weights")
        return self

    def check(self, epochs: int, averaging: bool) -> None:
        """Raise ValueError where the rest of an experiment does not go with this."""
        schedule = self.schedule
        if isinstance(schedule, Iterative) and schedule.last_epoch >= epochs:
            raise ValueError(
                f"pruning takes its last step in epoch {schedule.last_epoch} (from 0), but training.epochs = {epochs} "
                "ends before; take fewer or closer steps or train longer"
            )
        if isinstance(schedule, Feedback) and averaging:
            raise ValueError(
                "feedback pruning goes back to earlier weights, with which averaging over steps would mix later ones; "
                "leave out one of the two"
            )
