"""Whole channels: masks that cut them off, and the smaller network without them.

A channel goes with its weights, its batch norm's scale and offset, and the weights that read it. All of them are zero
while it is masked, so that it gives exactly zero, is read by nothing, and has no part in the scale of any layer's
weights: the smaller network computes the same.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from training.models import create
from training.models.shrinkable import ChannelGroup, Shrinkable
from training.techniques.pruning_masks import Masks


@torch.no_grad()
def keep_strongest_channels(network: Shrinkable, masks: Masks, kept: float, multiple_of: int) -> Masks:
    """Masks that keep, in each group, the share `kept` of its channels, rounded up to a multiple, and at least that.

    Those of largest L1 norm stay (H. Li et al., "Pruning Filters for Efficient ConvNets", 2017); none comes back.
    """
    masks = {name: mask.clone() for name, mask in masks.items()}
    for group in network.channel_groups():
        norms = network.get_parameter(f"{group.producer}.weight").abs().flatten(1).sum(1)
        alive = masks[f"{group.producer}.weight"].flatten(1).any(1)
        count = -(-max(1, round(kept * len(norms))) // multiple_of) * multiple_of
        order = norms.masked_fill(~alive, -1).argsort(descending=True, stable=True)
        chosen = torch.zeros_like(alive)
        chosen[order[: min(count, len(norms))]] = True
        _cut(masks, group, network, chosen & alive)
    return masks


def without_channels(
    network: Shrinkable, topology: str, parameters: dict[str, Any]
) -> tuple[nn.Module, dict[str, Any]]:
    """The same function with fewer channels, and the parameters of that network.

    network: trained under masks of `keep_strongest_channels`, or none, in which case nothing is taken.
    """
    state = {name: value.clone() for name, value in network.state_dict().items()}
    counts = []
    for group in network.channel_groups():
        stays = _alive(network, group)
        counts.append(int(stays.sum()))
        for name in ("weight", "bias", "running_mean", "running_var"):
            state[f"{group.norm}.{name}"] = state[f"{group.norm}.{name}"][stays]
        state[f"{group.producer}.weight"] = state[f"{group.producer}.weight"][stays]
        state[f"{group.consumer}.weight"] = state[f"{group.consumer}.weight"][
            :, stays.repeat_interleave(group.positions)
        ]
    smaller_parameters = network.with_channels(parameters, counts)
    smaller = create(topology, smaller_parameters)
    smaller.load_state_dict(state)
    return smaller.train(network.training), smaller_parameters


def _cut(masks: Masks, group: ChannelGroup, network: nn.Module, stays: torch.Tensor) -> None:
    """Mask everything that belongs to the channels that do not stay, bool (channels,)."""
    masks[f"{group.producer}.weight"][~stays] = False
    masks[f"{group.norm}.weight"], masks[f"{group.norm}.bias"] = stays, stays
    masks[f"{group.consumer}.weight"][:, ~stays.repeat_interleave(group.positions)] = False


def _alive(network: nn.Module, group: ChannelGroup) -> torch.Tensor:
    """Which channels of a group have anything that is not zero, bool (channels,)."""
    made = network.get_parameter(f"{group.producer}.weight").flatten(1)
    read = network.get_parameter(f"{group.consumer}.weight").transpose(0, 1)
    read = read.reshape(len(made), -1)
    norm = torch.stack([network.get_parameter(f"{group.norm}.{name}") for name in ("weight", "bias")], 1)
    return torch.cat([made, norm, read], 1).ne(0).any(1)
