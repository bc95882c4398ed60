"""A head without the statistics and units that no weight needs, which gives the same logits."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from training.models.symbol_statistics.head import Head


@dataclass(frozen=True)
class Used:
    """What stays: bool for each statistic of a phase and of the frame, and for each unit."""

    phase_inputs: torch.Tensor
    whole_inputs: torch.Tensor
    phase_units: torch.Tensor
    whole_units: torch.Tensor


def used(head: Head) -> Used:
    """The statistics and units with a path of non-zero weights to an output; the first of a kind that has none.

    A unit without inputs stays while it has an output weight. Without that weight, the largest weight of its row may be
    another one, and the integers of the row would change.
    """
    k = head.constants()
    a, g = k.phase.shape[0], k.whole.shape[0]
    phase_units, whole_units = (_or_first(part.any(0)) for part in (k.output[:, :a], k.output[:, a : a + g]))
    return Used(
        _or_first(k.phase[phase_units].any(0)),
        _or_first(k.whole[whole_units].any(0) | k.output[:, a + g :].any(0)),
        phase_units,
        whole_units,
    )


def _or_first(stays: torch.Tensor) -> torch.Tensor:
    if not stays.any():
        stays[0] = True
    return stays


def compacted_head(head: Head, keep: Used) -> dict[str, torch.Tensor]:
    """State of a head with the sizes of `keep`, which gives the same logits."""
    state = head.state_dict()
    columns = torch.cat([keep.phase_units, keep.whole_units, keep.whole_inputs])
    small = {
        "phase.weight": state["phase.weight"][keep.phase_units][:, keep.phase_inputs],
        "whole.weight": state["whole.weight"][keep.whole_units][:, keep.whole_inputs],
        "output.weight": state["output.weight"][:, columns],
        "log_scale": state["log_scale"],
        "bias": state["bias"],
    }
    for norm, units in (("phase_norm", keep.phase_units), ("whole_norm", keep.whole_units)):
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"{norm}.{name}"] = state[f"{norm}.{name}"][units]
        small[f"{norm}.num_batches_tracked"] = state[f"{norm}.num_batches_tracked"]
    return small
