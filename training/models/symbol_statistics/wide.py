"""A wide head on the statistics: the teacher of small heads, and a bound on the accuracy of the statistics."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import brevitas.nn as qnn
import torch
from torch import nn

from radioml.constants import CLASSES
from training.models.on_statistics import FITTED, OnStatistics
from training.models.quantisers import ActivationQuant, InputQuant, WeightQuant
from training.models.registry import register
from training.models.symbol_statistics.fitting import fitted_to
from training.models.symbol_statistics.front_end import FrontEnd
from training.models.symbol_statistics.signals import TAPS
from training.models.symbol_statistics.symbol_rate import check_symbol_rate

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


@register("symbol_statistics_wide", source="this repository")
class WideSymbolStatistics(OnStatistics):
    """Quantised input -> fixed statistics -> wide head.

    units: see `WideHead`. Others: see `training.models.symbol_statistics.network.SymbolStatistics`.
    """

    checks = FITTED

    front_end: FrontEnd
    head: WideHead

    def __init__(
        self,
        phase_statistics: tuple[str, ...] = ("*",),
        whole_statistics: tuple[str, ...] = ("*",),
        units: int = 128,
        equaliser: tuple[int, ...] = TAPS,
        standardisation: dict[str, list[int]] = MappingProxyType({}),  # type: ignore[assignment]
    ) -> None:
        super().__init__()
        self.input_quantiser = qnn.QuantIdentity(act_quant=InputQuant, return_quant_tensor=False)
        self.front_end = FrontEnd(phase_statistics, whole_statistics, equaliser, standardisation)
        self.head = WideHead(len(self.front_end.phase), len(self.front_end.whole), units)

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """(N, 2, 1024) float IQ -> (N, 24) float logits."""
        return self.head(*self.front_end(self.input_quantiser(iq)))

    @classmethod
    def fitted_to(cls, path: Path) -> dict[str, Any]:
        """See `OnStatistics.fitted_to`: taps of the equaliser and standardisation of all statistics."""
        return fitted_to(path)

    def check_data(self, path: Path) -> None:
        """See `OnStatistics.check_data`: a symbol has 8 samples."""
        check_symbol_rate(path)

    def front_end_record(self) -> dict[str, Any]:
        """See `OnStatistics.front_end_record`."""
        return self.front_end.record()

    def saved_scores(self, masks: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """All weights alike: this network is a teacher."""
        return {name: torch.ones(mask.shape, device=mask.device) for name, mask in masks.items()}

    def without_unused(self, parameters: dict[str, Any]) -> tuple[OnStatistics, dict[str, Any]]:
        """This network."""
        return self, parameters
