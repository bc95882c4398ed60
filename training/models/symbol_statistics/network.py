"""Symbol-synchronous statistics and a small head: a frame's cost is a few hundred small weights.

A symbol of RadioML has 8 samples, so a frame of 1,024 samples is 8 phases of 128 symbols. The official cost function
does not bill the front end's computations: means of squares and of thresholds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import brevitas.nn as qnn
import torch

from training.models.on_statistics import FITTED, OnStatistics
from training.models.quantisers import InputQuant
from training.models.registry import register
from training.models.symbol_statistics.compaction import compacted_head, used
from training.models.symbol_statistics.cost import weight_score
from training.models.symbol_statistics.exported import Exported
from training.models.symbol_statistics.fitting import fitted_to
from training.models.symbol_statistics.front_end import FrontEnd
from training.models.symbol_statistics.head import LOGIT_SCALE, STATISTIC_STEP, Head
from training.models.symbol_statistics.signals import PHASES, TAPS
from training.models.symbol_statistics.symbol_rate import check_symbol_rate


@register("symbol_statistics", source="this repository")
class SymbolStatistics(OnStatistics):
    """Quantised input -> fixed statistics -> head.

    phase_statistics, whole_statistics: names of statistics of a phase and of the whole frame, or patterns such as
        `max.h*`; `radioml models statistics` lists them.
    phase_units, whole_units: hidden units of the head.
    equaliser, standardisation: taps, and factor, shift and offset of statistics by name, as
        `radioml train` fits them to a file that the generator did not make; default: the shipped ones.
    """

    checks = FITTED

    logit_scale = LOGIT_SCALE
    front_end: FrontEnd
    head: Head

    def __init__(
        self,
        phase_statistics: tuple[str, ...] = ("*",),
        whole_statistics: tuple[str, ...] = ("*",),
        phase_units: int = 32,
        whole_units: int = 24,
        equaliser: tuple[int, ...] = TAPS,
        standardisation: dict[str, list[int]] = MappingProxyType({}),  # type: ignore[assignment]
    ) -> None:
        super().__init__()
        self.input_quantiser = qnn.QuantIdentity(act_quant=InputQuant, return_quant_tensor=False)
        self.front_end = FrontEnd(phase_statistics, whole_statistics, equaliser, standardisation)
        self.head = Head(len(self.front_end.phase), len(self.front_end.whole), phase_units, whole_units)

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """(N, 2, 1024) float IQ -> (N, 24) float logits."""
        return self.head(*self.front_end(self.input_quantiser(iq)))

    def answers(self, rows: torch.Tensor) -> Callable[[str], torch.Tensor]:
        """See `OnStatistics.answers`."""
        phases, frame = self.parts(rows)
        a, g = self.head.of_phases(phases), self.head.of_frame(frame)

        def logits(changed: str) -> torch.Tensor:
            units = [
                self.head.of_phases(phases) if changed.startswith("head.phase") else a,
                self.head.of_frame(frame) if changed.startswith("head.whole") else g,
            ]
            return self.head.logits(torch.cat([*units, frame * STATISTIC_STEP], 1))

        return logits

    def exported(self) -> Exported:
        """The network without what no weight needs, in operations of QONNX."""
        smaller, _ = self.without_unused(self.front_end.fitted())
        return Exported(smaller.input_quantiser, smaller.front_end, smaller.head)

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
        """See `OnStatistics.saved_scores`: the cost of the weight itself; a phase's weight is used at 8 places.

        The fixed sums of the statistics are left out. When their conservative score counted, the first rounds pruned
        the weights on few expensive and useful statistics, which cost 1.5 points of accuracy.
        """
        positions = {"phase": PHASES, "whole": 1, "output": 1}
        names = {f"head.{name}.weight": count for name, count in positions.items()}
        return {
            name: torch.full(mask.shape, weight_score(names[name]), device=mask.device) for name, mask in masks.items()
        }

    def without_unused(self, parameters: dict[str, Any]) -> tuple[SymbolStatistics, dict[str, Any]]:
        """See `OnStatistics.without_unused`."""
        keep = used(self.head)
        smaller = {
            **parameters,
            "phase_statistics": [n for n, stays in zip(self.front_end.phase, keep.phase_inputs, strict=True) if stays],
            "whole_statistics": [n for n, stays in zip(self.front_end.whole, keep.whole_inputs, strict=True) if stays],
            "phase_units": int(keep.phase_units.sum()),
            "whole_units": int(keep.whole_units.sum()),
        }
        network = SymbolStatistics(**smaller)
        network.head.load_state_dict(compacted_head(self.head, keep))
        return network.train(self.training), smaller
