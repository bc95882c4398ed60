"""Pruning of small heads by exact ablation: the loss without each weight is measured.

Magnitudes and gradients only estimate the worth of a weight. With some hundred weights it can be measured: each weight
is set to zero in turn, and the loss on some thousand training frames is computed. Batch norms take the statistics of
these frames, so that a unit's mean and deviation follow. The weights are pruned whose removal costs the least loss for
the score that it saves; those without which the loss is lower go first. Below 210 weights of a statistics head this
gave 4 points of accuracy more than magnitudes.

For thousands of weights this takes too long. Until `search_weights` are left, the estimate of Y. LeCun et al., "Optimal
Brain Damage", 1990, decides: half of the squared weight times the loss's curvature, approximated by Adam's mean of
squared gradients.
"""

from __future__ import annotations

import copy
from math import ceil, log
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from training.techniques.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

    from training.techniques.pruning_masks import Masks


class Ablation(Section):
    """Prune to a number of weights; weights that are quantised to zero do not count, and go with the others.

    weights: number of weights in the end.
    search_weights: number of weights that the estimate leaves, before the first round of ablation.
    first_epoch: first epoch of the estimate, from 0; it prunes every 20 training steps, many weights at first.
    search_epochs: number of epochs in which the estimate prunes.
    float_search: weights are quantised only after the search.
    share: share of the weights that a round prunes, at least one weight.
    every_steps: training steps from one round to the next.
    frames: training frames on which a round measures losses.
    """

    kind: Literal["ablation"]
    weights: int = Field(ge=24)
    search_weights: int = Field(ge=24)
    first_epoch: int = Field(default=1, ge=0)
    search_epochs: int = Field(default=3, ge=1)
    float_search: bool = False
    share: float = Field(default=0.05, gt=0, lt=1)
    every_steps: int = Field(default=400, ge=1)
    frames: int = Field(default=4096, ge=1)

    @model_validator(mode="after")
    def _ends_below_the_search(self) -> Ablation:
        if self.weights > self.search_weights:
            raise ValueError(f"weights = {self.weights} is more than search_weights = {self.search_weights}")
        return self

    @property
    def search_ends(self) -> int:
        """The first epoch after the search, from 0."""
        return self.first_epoch + self.search_epochs

    def sought(self, done: float, start: int) -> int:
        """Weights that stay after the share `done` of the search; start: before it."""
        return round(self.search_weights * (start / self.search_weights) ** ((1 - min(done, 1)) ** 1.5))

    def rounds(self) -> int:
        """Rounds of ablation from the search to the end."""
        return ceil(log(self.search_weights / self.weights) / -log(1 - self.share)) if self.share else 0


def keep_most_useful(network: nn.Module, masks: Masks, curvature: Mapping[str, torch.Tensor], count: int) -> Masks:
    """Masks in which `count` weights stay, those without which the estimated loss grows most.

    curvature: of each parameter, mean of squared gradients, in its shape.
    """
    import torch

    worth = {n: network.get_parameter(n).detach() ** 2 * curvature[n] * masks[n] for n in masks}
    values = torch.cat([value.flatten() for value in worth.values()])
    if count >= int((values > 0).sum()):
        return masks
    least = values.sort(descending=True).values[count]
    return {name: value > least for name, value in worth.items()}


def removal_losses(
    network: nn.Module, masks: Masks, inputs: torch.Tensor, class_index: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Growth of the loss on some frames without each weight that stays, in the shapes of the masks.

    inputs: the network's training inputs, frames or statistics (N, ...). The network is left as it is.
    """
    import torch
    from torch.nn.functional import cross_entropy

    from training.models.on_statistics import answers

    probe, inputs = copy.deepcopy(network).train(), inputs.float()
    losses = {name: torch.zeros(mask.shape, device=inputs.device) for name, mask in masks.items()}
    with torch.no_grad():
        logits = answers(probe, inputs)

        def loss(changed: str) -> float:
            return float(cross_entropy(logits(changed), class_index))

        before = loss("")
        for name, mask in masks.items():
            weight = probe.get_parameter(name)
            for place in map(tuple, mask.nonzero().tolist()):
                kept = float(weight[place])
                weight[place] = 0
                losses[name][place] = loss(name) - before
                weight[place] = kept
    return losses


def cheapest(
    masks: Masks, losses: Mapping[str, torch.Tensor], saved: Mapping[str, torch.Tensor]
) -> list[tuple[float, str, tuple[int, ...]]]:
    """Price, parameter and place of each weight that stays, sorted by price: loss for the score that is saved.

    losses: of `removal_losses`. saved: score that the removal of each weight saves, in the same shapes.
    """
    found = [
        (price(float(losses[name][place]), float(saved[name][place])), name, place)
        for name, mask in masks.items()
        for place in map(tuple, mask.nonzero().tolist())
    ]
    return sorted(found, key=lambda weight: weight[0])


def price(loss: float, saved: float) -> float:
    """What a removal costs for the score that it saves; below 0 where the loss is lower without the weight."""
    return loss / saved if loss > 0 else loss


def keep_by_ablation(
    network: nn.Module, masks: Masks, saved: Mapping[str, torch.Tensor], count: int, inputs: torch.Tensor,
    class_index: torch.Tensor,
) -> Masks:  # fmt: skip
    """Masks in which `count` weights stay, or some more.

    The cheapest weights are removed one by one; twice as many as needed are candidates. A weight stays if its removal
    now, after the earlier removals, costs more than that of the dearest candidate did: of two weights that stand in for
    each other one must stay.

    saved: score that the removal of each weight saves, in the shapes of the masks. inputs, class_index: see
    `removal_losses`.
    """
    import torch
    from torch.nn.functional import cross_entropy

    from training.models.on_statistics import answer

    order = cheapest(masks, removal_losses(network, masks, inputs, class_index), saved)
    wanted = len(order) - count
    candidates = order[: 2 * wanted]
    probe, inputs = copy.deepcopy(network).train(), inputs.float()
    kept = {name: mask.clone() for name, mask in masks.items()}
    with torch.no_grad():
        now = float(cross_entropy(answer(probe, inputs), class_index))
        for _, name, place in candidates:
            weight = probe.get_parameter(name)
            before = float(weight[place])
            weight[place] = 0
            without = float(cross_entropy(answer(probe, inputs), class_index))
            if price(without - now, float(saved[name][place])) > candidates[-1][0]:
                weight[place] = before
                continue
            kept[name][place], now, wanted = False, without, wanted - 1
            if not wanted:
                break
    return kept
