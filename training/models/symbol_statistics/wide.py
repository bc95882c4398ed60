"""A wide head on the statistics: the teacher of small ones, and the measure of what the statistics hold."""

from __future__ import annotations

import brevitas.nn as qnn
import torch
from torch import nn

from radioml.constants import CLASSES
from training.models.quantisers import ActivationQuant, WeightQuant

_BITS = 8


class WideHead(nn.Module):
    """Statistics -> units of a phase and their maximum over the phases, units of the frame -> a hidden layer -> logits.

    units: of the frame and of the hidden layer; half as many see a phase. All weights and activations have 8 bits.
    """

    def __init__(self, phase_statistics: int, whole_statistics: int, units: int) -> None:
        super().__init__()
        self.phase, self.phase_norm = _layer(phase_statistics, units // 2), nn.BatchNorm1d(units // 2)
        self.whole, self.whole_norm = _layer(whole_statistics, units), nn.BatchNorm1d(units)
        self.first = _relu()
        self.hidden, self.norm, self.second = _layer(units // 2 + units, units), nn.BatchNorm1d(units), _relu()
        self.output = _layer(units, len(CLASSES))

    def forward(self, per_phase: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
        """Levels of statistics, float (N, phase_statistics, 8) and (N, whole_statistics) -> float logits (N, 24)."""
        phases = self.phase(per_phase.transpose(1, 2) / 32)
        a = self.phase_norm(phases.flatten(0, 1)).unflatten(0, phases.shape[:2]).amax(1)
        units = torch.cat([a, self.whole_norm(self.whole(whole / 32))], 1)
        return self.output(self.second(self.norm(self.hidden(self.first(units)))))


def _layer(inputs: int, outputs: int) -> qnn.QuantLinear:
    return qnn.QuantLinear(inputs, outputs, bias=False, weight_quant=WeightQuant, weight_bit_width=_BITS)


def _relu() -> qnn.QuantReLU:
    return qnn.QuantReLU(act_quant=ActivationQuant, bit_width=_BITS, return_quant_tensor=True)
