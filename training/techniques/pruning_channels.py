"""Pruning of whole channels: masks, and the smaller network without the masked channels.

A mask covers a channel's weights, the scale and offset of its batch norm, and the weights that read the channel. All
are zero, so the channel gives exactly zero, nothing reads it, and it has no part in the scale of any layer's weights:
the smaller network computes the same.
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
    """Masks in which the strongest channels of each group stay.

    Strength is the L1 norm of a channel's weights (H. Li et al., "Pruning Filters for Efficient ConvNets", 2017).

    Args:
        network: its weights are ranked.
        masks: of before; a masked channel stays masked.
        kept: share of the channels of each group.
        multiple_of: the number of channels is rounded up to a multiple of this number.
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
    """The network without its masked channels, which computes the same function; and the parameters of its topology.

    network: trained with masks of `keep_strongest_channels`; one without masks loses no channel.
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
    """Mask all weights of the channels that do not stay; stays: bool (channels,)."""
    masks[f"{group.producer}.weight"][~stays] = False
    masks[f"{group.norm}.weight"], masks[f"{group.norm}.bias"] = stays, stays
    masks[f"{group.consumer}.weight"][:, ~stays.repeat_interleave(group.positions)] = False


def _alive(network: nn.Module, group: ChannelGroup) -> torch.Tensor:
    """Whether each channel of a group has a value other than zero, bool (channels,)."""
    made = network.get_parameter(f"{group.producer}.weight").flatten(1)
    read = network.get_parameter(f"{group.consumer}.weight").transpose(0, 1)
    read = read.reshape(len(made), -1)
    norm = torch.stack([network.get_parameter(f"{group.norm}.{name}") for name in ("weight", "bias")], 1)
    return torch.cat([made, norm, read], 1).ne(0).any(1)
