"""Symbol-synchronous statistics and a small head: a frame's cost is a few hundred small weights.

A symbol of RadioML has 8 samples, so a frame of 1,024 samples is 8 phases of 128 symbols. The official cost function
does not bill what the front end computes of them: means of squares and of thresholds.
"""

from __future__ import annotations

import brevitas.nn as qnn
import torch
from torch import nn

from training.models.quantisers import InputQuant
from training.models.registry import register
from training.models.symbol_statistics.front_end import FrontEnd
from training.models.symbol_statistics.head import LOGIT_SCALE, Head


@register("symbol_statistics", source="this repository")
class SymbolStatistics(nn.Module):
    """Quantised input -> fixed statistics -> head.

    phase_statistics, whole_statistics: names of statistics of a phase and of the whole frame, or patterns such as
        `max.h*`; `radioml models statistics` lists them.
    phase_units, whole_units: hidden units of the head.
    """

    logit_scale = LOGIT_SCALE

    def __init__(
        self,
        phase_statistics: tuple[str, ...] = ("*",),
        whole_statistics: tuple[str, ...] = ("*",),
        phase_units: int = 32,
        whole_units: int = 24,
    ) -> None:
        super().__init__()
        self.input_quantiser = qnn.QuantIdentity(act_quant=InputQuant, return_quant_tensor=False)
        self.front_end = FrontEnd(phase_statistics, whole_statistics)
        self.head = Head(len(self.front_end.phase), len(self.front_end.whole), phase_units, whole_units)

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """(N, 2, 1024) float IQ -> (N, 24) float logits."""
        return self.head(*self.front_end(self.input_quantiser(iq)))
