"""The fixed part: from quantised frames to levels of statistics, in integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from radioml.errors import RadioMLError
from radioml.suggest import did_you_mean
from training.models.symbol_statistics.equaliser import checked
from training.models.symbol_statistics.operations import highest, limited, mean
from training.models.symbol_statistics.signals import TAPS, Signals
from training.models.symbol_statistics.standardisation import Standardisation, check_fitted, standardisation
from training.models.symbol_statistics.statistic import Statistic
from training.models.symbol_statistics.statistics import (
    FRAME_NAMES,
    PHASE_NAMES,
    STATISTICS,
    SUMMARIES,
    WHOLE_NAMES,
    chosen,
)  # fmt: skip

VERSION = 4
"""Version of the arithmetic; another version makes other integers of the same frames."""


class FrontEnd(nn.Module):
    """Frames -> levels of the named statistics; nothing else is computed.

    phase: names of the statistics of a phase, in the order of the first output. whole: names of the statistics of the
    whole frame, in the order of the second output. Both are in the registry's order.
    """

    def __init__(
        self,
        phase: Sequence[str],
        whole: Sequence[str],
        equaliser: Sequence[int] = TAPS,
        fitted: Mapping[str, Sequence[int]] = MappingProxyType({}),
    ) -> None:
        """Choose the statistics.

        Args:
            phase, whole: names or patterns of statistics.
            equaliser: taps, as `equaliser.checked` takes them.
            fitted: factor, shift and offset of statistics, by name.

        Raises:
            RadioMLError: a name that fits no statistic, or taps or a standardisation out of range.
        """
        super().__init__()
        for name, constants in fitted.items():
            if name not in (known := (*PHASE_NAMES, *WHOLE_NAMES)):
                raise RadioMLError(f"standardisation of an unknown statistic {name!r}{did_you_mean(name, known)}")
            of = _summarised(name)
            check_fitted(constants, name, unit_of(name), -of.high * of.signed, of.high)
        self._fitted = dict(fitted)
        self.taps = checked(equaliser)
        self.phase = chosen(phase, PHASE_NAMES, "statistic of a phase")
        self.whole = chosen(whole, WHOLE_NAMES, "statistic of the whole frame")
        self._phase_scale = Levels([self._standardisation(name) for name in self.phase])
        self._whole_scale = Levels([self._standardisation(name) for name in self.whole])

    def forward(self, iq: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples float32 (N, 2, 1024), integers of 8 bits in steps of 1/64, -> levels -127 to 127 in float32.

        Returns (N, statistics of a phase, 8) and (N, statistics of the whole frame).
        """
        phase, whole = self.levels(iq)
        return phase.flatten(2), whole.flatten(1)

    def levels(self, iq: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The levels in four dimensions, (N, statistics of a phase, 1, 8) and (N, statistics of the frame, 1, 1)."""
        values = _Values(Signals(iq, self.taps))
        phase = self._phase_scale(values.of_names(self.phase))
        return phase, self._whole_scale(_of_the_whole(values, self.whole))

    def record(self) -> dict[str, Any]:
        """All that decides the results: version of the arithmetic, names, standardisations, taps if not the default."""
        scales = {name: asdict(self._standardisation(name)) for name in (*self.phase, *self.whole)}
        record = {"version": VERSION, "phase": self.phase, "whole": self.whole, "standardisation": scales}
        return record if self.taps == TAPS else {**record, "equaliser": self.taps}

    def fitted(self) -> dict[str, Any]:
        """The parameters of a network that say to what its front end was fitted."""
        return {"equaliser": self.taps, "standardisation": self._fitted}

    def _standardisation(self, name: str) -> Standardisation:
        return standardisation(name, unit_of(name), self._fitted)


class Levels(nn.Module):
    """Statistics (N, C, 1, B) -> levels of the same shape."""

    gains: torch.Tensor
    biases: torch.Tensor

    def __init__(self, scales: Sequence[Standardisation]) -> None:
        super().__init__()
        gains, biases = torch.tensor([s.gain for s in scales]), torch.tensor([s.bias for s in scales])
        self.register_buffer("gains", gains.reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("biases", biases.reshape(1, -1, 1, 1), persistent=False)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Round to the nearest level; no sum lies halfway between two."""
        return limited(values * self.gains + self.biases, 1, 8, signed=True, narrow=True)


class _Values:
    """Statistics of some frames, each computed once."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._known: dict[str, torch.Tensor] = {}

    def __getitem__(self, name: str) -> torch.Tensor:
        """(N, 1, 1, phases)."""
        if name not in self._known:
            self._known[name] = STATISTICS[name].compute(self._signals)
        return self._known[name]

    def means(self, statistics: Sequence[Statistic]) -> torch.Tensor:
        """(N, number of statistics, 1, 1), by the formulas of their means."""
        return _joined([of.mean(self._signals) for of in statistics if of.mean])

    def of_names(self, names: Sequence[str]) -> torch.Tensor:
        """(N, len(names), 1, phases)."""
        return _joined([self[name] for name in names])


_REDUCE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "mean": lambda x: mean(x, 1, x.shape[3]),
    "max": highest,
    "min": lambda x: -1 * highest(-1 * x),
}


def _of_the_whole(values: _Values, names: Sequence[str]) -> torch.Tensor:
    """(N, len(names), 1, 1) in the registry's order: summaries of one kind and number of phases stand together."""
    parts = [values[name] for name in names if name in FRAME_NAMES]
    for summary in SUMMARIES:
        summarised = [STATISTICS[name.removeprefix(f"{summary}.")] for name in names if name.startswith(f"{summary}.")]
        for (_, of_its_own), group in groupby(summarised, lambda s: (s.phases, s.mean is not None)):
            together = list(group)
            if summary == "mean" and of_its_own:
                parts.append(values.means(together))
            else:
                parts.append(_REDUCE[summary](values.of_names([s.name for s in together])))
    return _joined(parts)


def _joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Channels side by side."""
    return torch.cat(list(parts), 1) if len(parts) > 1 else parts[0]


def unit_of(name: str) -> float:
    """The unit of a statistic or of a summary."""
    of = _summarised(name)
    return of.unit / (of.phases if name.startswith("mean.") else 1)


def _summarised(name: str) -> Statistic:
    """The statistic of this name, or the one that this summary is over."""
    summary, _, of = name.partition(".")
    return STATISTICS[of if summary in SUMMARIES else name]


def all_values(iq: torch.Tensor, taps: Sequence[int] = TAPS) -> dict[str, tuple[torch.Tensor, float]]:
    """Every statistic and summary before its standardisation, (N, 1, 1, phases), with its unit."""
    values = _Values(Signals(iq, taps))
    whole = _of_the_whole(values, WHOLE_NAMES).split(1, 1)
    found = {name: values[name] for name in PHASE_NAMES} | dict(zip(WHOLE_NAMES, whole, strict=True))
    return {name: (value, unit_of(name)) for name, value in found.items()}
