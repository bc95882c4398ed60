"""The elements under the windows of a pool or a convolution, with those that stand for padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finn_build.statistics_unit.elements import CONSTANT, Elements, stack
from finn_build.statistics_unit.wires import Wires


def windows_of(
    wires: Wires, x: Elements, kernel: Sequence[int], strides: Sequence[int], pads: Sequence[int]
) -> tuple[Elements, tuple[int, ...]]:
    """Elements (windows, elements of a window) of x (1, channels, ...), and the shape of the pooled tensor."""
    for axis, (size, front, behind) in enumerate(zip(kernel, pads, pads[len(kernel) :], strict=False), 2):
        if front or behind:
            x = _padded(x, axis, front, behind, several=size < x.shape[axis])
    places = [
        range(0, length - size + 1, stride) for length, size, stride in zip(x.shape[2:], kernel, strides, strict=True)
    ]
    shape = (1, x.shape[1], *(len(place) for place in places))

    def under(part: np.ndarray) -> np.ndarray:
        view = np.lib.stride_tricks.sliding_window_view(part, tuple(kernel), tuple(range(2, part.ndim)))
        index = tuple(slice(None, None, stride) for stride in strides)
        return view[(slice(None), slice(None), *index)].reshape(int(np.prod(shape)), -1)

    return x.moved(under), shape


def _padded(x: Elements, axis: int, front: int, behind: int, several: bool) -> Elements:
    """x with zeros around it; `several` windows along the axis.

    A wire carries nothing before and behind its tensor, and what carries nothing reads as 0. So that all windows read
    the same wires, the padding continues the tensor's own order of wires and slots, where it has one.
    """
    length = x.shape[axis]
    period = _period(x, axis) if several else None
    if period is None:
        pieces = [_zeros(x, axis, front), x, _zeros(x, axis, behind)]
    else:
        pieces = [_continued(x, axis, np.arange(-front, 0), period), x]
        pieces.append(_continued(x, axis, np.arange(length, length + behind), period))
    return stack(pieces, axis)


def _period(x: Elements, axis: int) -> int | None:
    """After how many elements of an axis the wires repeat, at slots that are one step later each time."""
    wire, slot = (np.moveaxis(part, axis, -1) for part in (x.wire, x.slot))
    for period in range(1, x.shape[axis] // 2 + 1):
        if (wire[..., period:] == wire[..., :-period]).all():
            later = slot[..., period:] - slot[..., :-period]
            return period if (later == later.ravel()[0]).all() and later.ravel()[0] > 0 else None
    return None


def _continued(x: Elements, axis: int, places: np.ndarray, period: int) -> Elements:
    """Elements at places outside of the tensor."""
    rounds, inside = np.divmod(places, period)
    shape = [1] * len(x.shape)
    shape[axis] = -1
    step = int(np.take(x.slot, period, axis).ravel()[0] - np.take(x.slot, 0, axis).ravel()[0])
    taken = x.moved(lambda part: np.take(part, inside, axis))
    return Elements(taken.wire, taken.slot + (rounds * step).reshape(shape), taken.gain, taken.offset)


def _zeros(x: Elements, axis: int, count: int) -> Elements:
    shape = tuple(count if number == axis else size for number, size in enumerate(x.shape))
    nothing = np.zeros(shape)
    return Elements(np.full(shape, CONSTANT), nothing.astype(np.int64), nothing, nothing)
