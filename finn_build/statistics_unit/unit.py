"""The unit: a network as wires."""

from __future__ import annotations

from dataclasses import dataclass

from finn_build.statistics_unit.elements import Elements
from finn_build.statistics_unit.wires import Wire
from radioml.constants import FRAME_LENGTH

NAME = "StatisticsUnit_0"
"""Of the unit as a layer of a design."""
LANES = (1, 2, 4, 8)
"""Samples a beat that a unit can take."""


@dataclass(frozen=True)
class Unit:
    """A network as wires.

    lanes: samples a beat. wires: each behind those that it reads. output: the wire that carries the integer logits, one
    after the other. tensors: the graph's tensors that depend on the frame, by name, in terms of these wires.
    """

    lanes: int
    wires: tuple[Wire, ...]
    output: int
    tensors: dict[str, Elements]

    @property
    def beats(self) -> int:
        """Words of a frame at the input."""
        return FRAME_LENGTH // self.lanes

    @property
    def classes(self) -> int:
        """Logits."""
        return self.wires[self.output].slots.count
