"""Networks whose first part is fixed: a front end that makes statistics of a frame, and a head that learns."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import nn

from radioml.constants import FRAME_LENGTH

FITTED = ("equaliser", "standardisation")
"""Parameters of a topology that `OnStatistics.fitted_to` finds. A student and its teacher have the same."""


class OnStatistics(nn.Module):
    """A network of a front end, which learns nothing, and a head.

    The trainer computes the front end's statistics once for each frame and trains the head on them. A row has all
    statistics of a frame side by side.

    front_end: IQ samples float32 (N, 2, 1024) -> statistics as levels, integers from -128 to 127 in float32; several
        tensors (N, ...).
    head: these tensors -> logits (N, 24).
    """

    front_end: nn.Module
    head: nn.Module

    @abstractmethod
    def front_end_record(self) -> dict[str, Any]:
        """All that decides the front end's statistics: names, constants, version of the arithmetic; JSON values."""

    @abstractmethod
    def saved_scores(self, masks: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Score that the removal of each weight saves.

        masks: names of parameters -> which of the weights stay, bool; the result has their shapes.
        """

    @abstractmethod
    def without_unused(self, parameters: dict[str, Any]) -> tuple[OnStatistics, dict[str, Any]]:
        """The network without the statistics and units that no weight needs; it computes the same logits.

        parameters: of the topology; the second value has the parameters of the smaller network.
        """

    @classmethod
    def fitted_to(cls, path: Path) -> dict[str, Any]:
        """Parameters among `FITTED` for a RadioML file, found in its training part; none for constants that stay.

        Raises RadioMLError for a file that cannot be read, and as `check_data` does.
        """
        return {}

    def check_data(self, path: Path) -> None:
        """Raise RadioMLError for a RadioML file that the front end is not made for."""

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """(N, 2, 1024) float IQ -> (N, 24) float logits."""
        return self.head(*self.front_end(iq))

    def rows(self, iq: torch.Tensor) -> torch.Tensor:
        """Statistics of frames (N, 2, 1024), int8 (N, width); raises ValueError for other values."""
        levels = torch.cat([part.flatten(1) for part in self.front_end(iq)], 1)
        rows = levels.to(torch.int8)
        if not torch.equal(rows.to(levels.dtype), levels):
            raise ValueError(f"the front end of a {type(self).__name__} gives values that are no integers of 8 bits")
        return rows

    def of_rows(self, rows: torch.Tensor) -> torch.Tensor:
        """Logits (N, 24) of rows (N, width)."""
        return self.head(*self.parts(rows))

    def answers(self, rows: torch.Tensor) -> Callable[[str], torch.Tensor]:
        """A function that gives the logits (N, 24) of rows (N, width) after a change of the one parameter it is told.

        A network that keeps the results before that parameter overrides this.
        """
        return lambda changed: self.of_rows(rows)

    def parts(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Rows (N, width) as the tensors of the front end."""
        shapes = self.shapes()
        parts = rows.float().split([prod(shape) for shape in shapes], 1)
        return [part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True)]

    def shapes(self) -> list[tuple[int, ...]]:
        """Shape of each tensor of the front end, without the number of frames."""
        if not hasattr(self, "_shapes"):
            self._shapes = [tuple(part.shape[1:]) for part in self.front_end(torch.zeros(1, 2, FRAME_LENGTH))]
        return self._shapes

    def front_end_digest(self) -> str:
        """SHA-256 of `front_end_record`: front ends of one digest give the same statistics."""
        return hashlib.sha256(json.dumps(self.front_end_record(), sort_keys=True).encode()).hexdigest()

    def sees_what(self, other: nn.Module) -> bool:
        """Whether another network sees the same statistics."""
        return isinstance(other, OnStatistics) and other.front_end_digest() == self.front_end_digest()


def answers(network: nn.Module, inputs: torch.Tensor) -> Callable[[str], torch.Tensor]:
    """As `answer`, after a change of the one parameter that is named; see `OnStatistics.answers`."""
    return network.answers(inputs) if isinstance(network, OnStatistics) else lambda changed: network(inputs)


def answer(network: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Logits (N, 24) for what a network is trained on: frames (N, 2, 1024), or rows of statistics (N, width)."""
    return network.of_rows(inputs) if isinstance(network, OnStatistics) else network(inputs)
