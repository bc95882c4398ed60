"""Settings of pruning during training; `training.techniques.pruning_callback` prunes.

Decisions depend on the accuracy on validation frames alone.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from training.techniques.ablation import Ablation
from training.techniques.section import Section


class Iterative(Section):
    """Prune in steps to a given sparsity; with one step, pruning is one-shot.

    sparsity: after the last step, of all weights or of the channels of each layer.
    steps: number of steps, each at the start of an epoch.
    every: epochs from one step to the next.
    first_epoch: epoch of the first step, from 0.
    curve: cubic: large steps first; the sparsity after step k of n is s + (start - s) (1 - k/n)^3 (M. Zhu and S. Gupta,
        "To Prune, or Not to Prune", 2017). geometric: each step prunes the same share of the remaining weights.
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
        """Share of the weights that remains after `step` (from 1); start: share before the first step."""
        done, end = step / self.steps, 1 - self.sparsity
        if self.curve == "cubic":
            return end + (start - end) * (1 - done) ** 3
        return start * (end / start) ** done


class Feedback(Section):
    """Prune a share of the remaining weights whenever the accuracy has reached the floor again.

    J. Krzyston, R. Bhattacharjea, A. Stark, "Feedback Magnitude Pruning", 2021
    (https://github.com/JakobKrzyston/Feedback_Magnitude_Pruning); the defaults are the authors' values.

    floor: validation accuracy over all SNRs, 0 to 1. An epoch that reaches the floor accepts the last step, and the
        next epoch begins with another step. The first step follows the unpruned network's first epoch at the floor.
    step: share of the remaining weights or channels that a step prunes.
    patience: epochs within which a step must reach the floor. A step that does not is undone: the last accepted weights
        are restored and `step` is divided by `divisor`.
    divisor: see patience.
    minimum_step: the run ends when `step` falls below this share.
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
    """What is pruned, and when.

    method: global: the weights of least magnitude among all layers. layer: the same share in each layer. channels: the
        output channels of least norm, the same share in each layer; the network itself becomes smaller. ablation: the
        weights without which the loss grows least, for small networks.
    multiple_of: the number of channels of each layer stays a multiple of this number, so that an accelerator can fold
        the layer.
    schedule: `Iterative` or `Feedback`; for ablation `Ablation`.
    """

    method: Literal["global", "layer", "channels", "ablation"] = "global"
    multiple_of: int = Field(default=1, ge=1)
    schedule: Annotated[Iterative | Feedback | Ablation, Field(discriminator="kind")]

    @model_validator(mode="after")
    def _multiples_are_of_channels(self) -> Pruning:
        if self.method != "channels" and self.multiple_of > 1:
            raise ValueError(f"multiple_of counts channels; method {self.method!r} takes single weights")
        return self

    @model_validator(mode="after")
    def _ablation_has_its_schedule(self) -> Pruning:
        if (self.method == "ablation") != isinstance(self.schedule, Ablation):
            raise ValueError("method and schedule.kind are both ablation, or neither is")
        return self

    def check(self, epochs: int, averaging: bool) -> None:
        """Raise ValueError where other settings of the experiment contradict the pruning."""
        schedule = self.schedule
        if isinstance(schedule, Iterative) and schedule.last_epoch >= epochs:
            raise ValueError(
                f"pruning takes its last step in epoch {schedule.last_epoch} (from 0), but training.epochs = {epochs} "
                "ends before; take fewer or closer steps or train longer"
            )
        if isinstance(schedule, Ablation) and schedule.search_ends >= epochs:
            raise ValueError(
                f"the search for {schedule.search_weights} weights ends with epoch {schedule.search_ends}, and "
                f"training.epochs = {epochs} leaves none for ablation; train longer or search less"
            )
        if isinstance(schedule, Feedback) and averaging:
            raise ValueError(
                "feedback pruning restores earlier weights, and averaging over steps would mix them with later ones; "
                "leave out one of the two"
            )
