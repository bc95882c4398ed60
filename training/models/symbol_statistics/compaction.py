"""The same head without the statistics and units that no weight needs."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from training.models.symbol_statistics.head import HIDDEN_BITS, HIDDEN_STEP, LOGIT_SCALE, Head, dyadic


@dataclass(frozen=True)
class Used:
    """What stays: bool for each statistic of a phase and of the frame, and for each unit."""

    phase_inputs: torch.Tensor
    whole_inputs: torch.Tensor
    phase_units: torch.Tensor
    whole_units: torch.Tensor


def used(head: Head) -> Used:
    """What has a weight that is not zero, on the way to an output; the first of a kind where none has."""
    k = head.constants()
    a, g = k.phase.shape[0], k.whole.shape[0]
    phase_units = _or_first(k.phase.any(1) & k.output[:, :a].any(0))
    whole_units = _or_first(k.whole.any(1) & k.output[:, a : a + g].any(0))
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


@torch.no_grad()
def compacted_head(head: Head, keep: Used) -> dict[str, torch.Tensor]:
    """State of a head with the sizes of `keep`, which gives the same logits.

    A unit without inputs has one value; what it adds to the logits goes to the biases.
    """
    k, state = head.constants(), head.state_dict()
    columns = torch.cat([keep.phase_units, keep.whole_units, keep.whole_inputs])
    levels = torch.cat([k.phase_offset, k.whole_offset]).round().clamp(0, 2**HIDDEN_BITS - 1) * HIDDEN_STEP
    gone = ~torch.cat([keep.phase_units, keep.whole_units])
    constant = (k.output[:, : len(gone)][:, gone] @ levels[gone]) * k.output_gain
    small = {
        "phase.weight": state["phase.weight"][keep.phase_units][:, keep.phase_inputs],
        "whole.weight": state["whole.weight"][keep.whole_units][:, keep.whole_inputs],
        "output.weight": state["output.weight"][:, columns],
        "log_scale": state["log_scale"],
        "bias": dyadic(state["bias"], LOGIT_SCALE) + constant,
    }
    for norm, units in (("phase_norm", keep.phase_units), ("whole_norm", keep.whole_units)):
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"{norm}.{name}"] = state[f"{norm}.{name}"][units]
        small[f"{norm}.num_batches_tracked"] = state[f"{norm}.num_batches_tracked"]
    return small
