"""A small network on statistics: levels of the power in eight parts of the frame, and of the frame's first samples."""

from __future__ import annotations

from typing import Any

import brevitas.nn as qnn
import torch
from torch import nn

from training.models.on_statistics import OnStatistics
from training.models.quantisers import ActivationQuant, InputQuant, WeightQuant

NAME = "statistics_for_tests"


class _FrontEnd(nn.Module):
    def __init__(self, samples: int) -> None:
        super().__init__()
        self.input_quantiser = qnn.QuantIdentity(act_quant=InputQuant, bit_width=8, return_quant_tensor=False)
        self.samples, self.calls = samples, 0

    def forward(self, iq: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.calls += 1
        iq = self.input_quantiser(iq)
        power = iq.pow(2).sum(1).reshape(-1, 8, 128)
        parts = torch.stack([power.mean(2), power.amax(2)], 1)
        return parts.mul(16).round().clamp(-128, 127), iq[:, 0, : self.samples].mul(64).round()


class _Head(nn.Module):
    def __init__(self, samples: int, units: int) -> None:
        super().__init__()
        quantised = {"weight_quant": WeightQuant, "weight_bit_width": 3, "bias": False}
        self.first = qnn.QuantLinear(16 + samples, units, **quantised)
        self.norm = nn.BatchNorm1d(units)
        self.activation = qnn.QuantReLU(act_quant=ActivationQuant, bit_width=5, return_quant_tensor=True)
        self.last = qnn.QuantLinear(units, 24, **quantised)

    def forward(self, parts: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        x = torch.cat([parts.flatten(1), samples], 1) / 32
        return self.last(self.activation(self.norm(self.first(x))))


class StatisticsForTests(OnStatistics):
    """See the module."""

    def __init__(self, samples: int = 4, units: int = 8) -> None:
        super().__init__()
        self.front_end, self.head = _FrontEnd(samples), _Head(samples, units)

    def front_end_record(self) -> dict[str, Any]:
        return {"samples": self.front_end.samples}

    def saved_scores(self, masks: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: torch.ones(mask.shape) for name, mask in masks.items()}

    def without_unused(self, parameters: dict[str, Any]) -> tuple[OnStatistics, dict[str, Any]]:
        return self, parameters
