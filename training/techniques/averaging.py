"""Averaging of weights over the steps of a run: validated and kept are the averages, trained on are the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from training.section import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from lightning.pytorch.callbacks import WeightAveraging


class Averaging(Section):
    """Exponential moving average of all weights, scales and batch-norm statistics.

    decay: how much of the average stays at a step, at most; 0.999 remembers about the last 1,000 steps. Step n (from 0)
    keeps (n + 1) / (n + 10) if that is less, so that the average forgets the random start and short runs profit too
    (rule of tf.train.ExponentialMovingAverage with num_updates). With 1 that rule alone remains: at any step a mean
    over about the last ninth of all steps, the polynomial-decay averaging of O. Shamir and T. Zhang, "Stochastic
    Gradient Descent for Non-smooth Optimization", 2013.

    Scales are averaged in the form in which they are learned: logarithms as logarithms (a geometric mean), and a mean
    of positive scales is positive. Weights' scales follow from the averaged weights.
    """

    decay: float = Field(default=0.999, gt=0, le=1)


def averaging(settings: Averaging) -> WeightAveraging:
    """The callback that averages, puts the averages in for validation and into checkpoints, and resumes."""
    from lightning.pytorch.callbacks import WeightAveraging

    def update(averages: Sequence[torch.Tensor], values: Sequence[torch.Tensor], step: torch.Tensor | int) -> None:
        share = max(1 - settings.decay, 9 / (int(step) + 10))
        for average, value in zip(averages, values, strict=True):
            if average.is_floating_point():
                average.lerp_(value, share)
            else:
                average.copy_(value)  # counters

    return WeightAveraging(multi_avg_fn=update)
