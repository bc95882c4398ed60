"""From the frame's beats to its results: numbers that come once a frame are held, then taken in turn."""

from __future__ import annotations

import numpy as np

from finn_build.statistics_unit.elements import CONSTANT, Elements
from finn_build.statistics_unit.ranges import add_hold, add_serial
from finn_build.statistics_unit.wires import Wires

_MOST_IN_TURN = 16
"""Numbers of a channel that share what follows."""


def in_turn(wires: Wires, x: Elements) -> Elements:
    """x (1, channels, ...) with each channel on one wire, number after number, where it has a few numbers a frame."""
    if len(x.shape) < 2:
        return x
    parts = [part.copy().reshape(x.shape[1], -1) for part in x.parts()]
    for row in range(x.shape[1]):
        channel = Elements(*(part[row] for part in parts))
        if not _once_a_frame(wires, channel):
            continue
        held = tuple(add_hold(wires, int(w), int(s)) for w, s in zip(channel.wire, channel.slot, strict=True))
        wire = held[0] if len(held) == 1 else add_serial(wires, held, 0)
        parts[0][row], parts[1][row] = wire, np.arange(len(held))
    return Elements(*(part.reshape(x.shape) for part in parts))


def _once_a_frame(wires: Wires, channel: Elements) -> bool:
    """Whether a channel has a few numbers of beats, on several wires or one at a time."""
    count = len(channel.wire)
    several = count == 1 or len(np.unique(channel.wire)) > 1
    return (
        count <= _MOST_IN_TURN
        and several
        and (channel.wire != CONSTANT).all()
        and not any(wires[int(wire)].slots.serial for wire in channel.wire)
    )
