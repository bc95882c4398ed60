"""Masks of a network's weights: true for a weight that stays, false for a pruned one."""

from __future__ import annotations

import brevitas.nn as qnn
import torch
from torch import nn

Masks = dict[str, torch.Tensor]
"""Name of a parameter -> mask, bool, in the parameter's shape."""
_LEAST = 0.51
"""Least magnitude in steps of the quantiser; half a step is rounded to zero."""


def layers(network: nn.Module) -> dict[str, qnn.QuantConv1d | qnn.QuantLinear]:
    """All convolutions and dense layers, which the challenge's cost function bills, by the names of their weights."""
    kinds = (qnn.QuantConv1d, qnn.QuantLinear)
    return {f"{name}.weight": m for name, m in network.named_modules() if isinstance(m, kinds)}


def weights(network: nn.Module) -> dict[str, nn.Parameter]:
    """Weights of all billed layers, by name."""
    return {name: layer.weight for name, layer in layers(network).items()}


def initial_masks(network: nn.Module, zeros: bool) -> Masks:
    """Masks in which all weights stay; with `zeros`, weights that are zero are masked."""
    return {n: w.detach() != 0 if zeros else torch.ones_like(w, dtype=torch.bool) for n, w in weights(network).items()}


def kept_fraction(masks: Masks) -> float:
    """Share of the billed weights that stay; masks of batch norms do not count."""
    billed = [mask for mask in masks.values() if mask.dim() > 1]
    return sum(int(mask.sum()) for mask in billed) / sum(mask.numel() for mask in billed)


@torch.no_grad()
def apply(masks: Masks, network: nn.Module) -> None:
    """Set masked weights to exactly zero."""
    for name, mask in masks.items():
        network.get_parameter(name).masked_fill_(~mask, 0)


@torch.no_grad()
def lift(masks: Masks, network: nn.Module) -> None:
    """Raise the weights that stay to magnitudes that are not quantised to zero."""
    for name, layer in layers(network).items():
        weight, least = layer.weight, _LEAST * layer.quant_weight().scale
        low = masks[name] & (weight.abs() < least)
        weight.copy_(torch.where(low, torch.copysign(least, weight), weight))


def keep_largest_in_all(network: nn.Module, masks: Masks, kept: float) -> Masks:
    """Keep the share `kept` of all weights, the largest in magnitude among all layers; masked weights stay masked."""
    parameters = weights(network)
    sizes = [mask.numel() for mask in masks.values()]
    values = torch.cat([parameters[name].detach().flatten() for name in masks])
    chosen = _largest(values, torch.cat([mask.flatten() for mask in masks.values()]), kept).split(sizes)
    return {name: part.view_as(masks[name]) for name, part in zip(masks, chosen, strict=True)}


def keep_largest_in_each(network: nn.Module, masks: Masks, kept: float) -> Masks:
    """Keep the share `kept` of each layer's weights, the largest in magnitude; masked weights stay masked."""
    parameters = weights(network)
    return {
        name: _largest(parameters[name].detach().flatten(), mask.flatten(), kept).view_as(mask)
        for name, mask in masks.items()
    }


def _largest(values: torch.Tensor, mask: torch.Tensor, kept: float) -> torch.Tensor:
    """Mask (n,) of the share `kept` of the values (n,), chosen within `mask`; of equal values the first are chosen."""
    order = values.abs().masked_fill(~mask, -1).argsort(descending=True, stable=True)
    chosen = torch.zeros_like(mask)
    chosen[order[: round(kept * len(mask))]] = True
    return chosen & mask
