"""Averaging of weights over the steps of a run. Validation and checkpoints use the averages; training the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from training.techniques.section import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from lightning.pytorch.callbacks import WeightAveraging


class Averaging(Section):
    """Exponential moving average of all weights, scales and batch-norm statistics.

    decay: largest factor of the average at a step; 0.999 averages about the last 1,000 steps. The factor at step n
        (from 0) is (n + 1) / (n + 10) where that is less, so that the average forgets the random start and short runs
        profit, too (rule of tf.train.ExponentialMovingAverage with num_updates). With decay 1 that rule alone applies:
        a mean over about the last ninth of all steps, the polynomial-decay averaging of O. Shamir and T. Zhang,
        "Stochastic Gradient Descent for Non-smooth Optimization", 2013.

    Learned scales are averaged as they are stored: logarithms give a geometric mean, and the mean of positive scales is
    positive. The scales of weights follow from the averaged weights.
    """

    decay: float = Field(default=0.999, gt=0, le=1)


def averaging(settings: Averaging) -> WeightAveraging:
    """The callback that averages, and that uses the averages for validation and checkpoints; it can resume."""
    from lightning.pytorch.callbacks import WeightAveraging

    def update(averages: Sequence[torch.Tensor], values: Sequence[torch.Tensor], step: torch.Tensor | int) -> None:
        share = max(1 - settings.decay, 9 / (int(step) + 10))
        for average, value in zip(averages, values, strict=True):
            if average.is_floating_point():
                average.lerp_(value, share)
            else:
                average.copy_(value)  # a counter

    return WeightAveraging(multi_avg_fn=update)
