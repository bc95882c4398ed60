"""Layers on batches of arrays: convolutions as one matrix product, pools, both with the channels last in memory.

Arrays are (N, channels, ...) as in ONNX. Results are views of arrays that have the channels last in memory, which is
where the next layer wants them; NumPy's elementwise functions keep that order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


@dataclass(frozen=True)
class Convolution:
    """A convolution over one or two dimensions, without a bias.

    weights: (outputs, inputs / groups, *kernel), of the type to compute in. strides, dilations: one a dimension.
    pads: zeros in front of each dimension, then those behind each. groups: as in ONNX.
    """

    weights: np.ndarray
    strides: Sequence[int]
    dilations: Sequence[int]
    pads: Sequence[int]
    groups: int = 1

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(N, inputs, ...) -> (N, outputs, ...)."""
        windows = self._windows(x)
        if self.groups == 1:
            return self._product(windows, self._matrices[0])
        if self.weights.shape[1] == 1 and self.groups == len(self.weights):
            return self._depthwise(windows)
        share = self.weights.shape[1]
        parts = [
            self._product(windows[..., group * share : (group + 1) * share], matrix)
            for group, matrix in enumerate(self._matrices)
        ]
        return np.concatenate(parts, axis=1)

    def _windows(self, x: np.ndarray) -> np.ndarray:
        """A view (N, *outputs' pixels, *kernel, inputs) of the padded input."""
        dimensions = len(self.strides)
        x = np.moveaxis(x, 1, -1)
        before, after = self.pads[:dimensions], self.pads[dimensions:]
        if any(self.pads):
            sizes = [front + size + back for front, size, back in zip(before, x.shape[1:-1], after, strict=True)]
            padded = np.zeros((len(x), *sizes, x.shape[-1]), self.weights.dtype)
            inside = tuple(slice(front, front + size) for front, size in zip(before, x.shape[1:-1], strict=True))
            padded[(slice(None), *inside)] = x
        else:
            padded = np.ascontiguousarray(x, self.weights.dtype)
        kernel = self.weights.shape[2:]
        spans = tuple((size - 1) * step + 1 for size, step in zip(kernel, self.dilations, strict=True))
        windows = sliding_window_view(padded, spans, axis=tuple(range(1, dimensions + 1)))
        steps = (slice(None), *(slice(None, None, s) for s in self.strides), slice(None))
        steps += tuple(slice(None, None, d) for d in self.dilations)
        return np.moveaxis(windows[steps], dimensions + 1, -1)

    def _product(self, windows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        shape = windows.shape[: 1 + len(self.strides)]
        sums = windows.reshape(-1, len(matrix)) @ matrix
        return np.moveaxis(sums.reshape(*shape, matrix.shape[1]), -1, 1)

    def _depthwise(self, windows: np.ndarray) -> np.ndarray:
        total = np.zeros((*windows.shape[: 1 + len(self.strides)], windows.shape[-1]), self.weights.dtype)
        for at in product(*map(range, self.weights.shape[2:])):
            of_windows: tuple[Any, ...] = (..., *at, slice(None))
            of_weights: tuple[Any, ...] = (slice(None), 0, *at)
            total += windows[of_windows] * self.weights[of_weights]
        return np.moveaxis(total, -1, 1)

    @cached_property
    def _matrices(self) -> list[np.ndarray]:
        """(kernel x inputs, outputs) of each group."""
        parts = np.split(self.weights, self.groups)
        return [np.ascontiguousarray(np.moveaxis(part, 1, -1).reshape(len(part), -1).T) for part in parts]


def max_pool(x: np.ndarray, kernel: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """Maxima over whole windows without padding, (N, channels, ...) -> (N, channels, ...)."""
    outputs = [(size - k) // s + 1 for size, k, s in zip(x.shape[2:], kernel, strides, strict=True)]
    best: np.ndarray | None = None
    for at in product(*map(range, kernel)):
        taps = tuple(slice(i, i + (o - 1) * s + 1, s) for i, o, s in zip(at, outputs, strides, strict=True))
        part = x[(slice(None), slice(None), *taps)]
        best = part.copy("K") if best is None else np.maximum(best, part, out=best)
    assert best is not None
    return best


def average_pool(x: np.ndarray, kernel: Sequence[int], strides: Sequence[int], pads: Sequence[int]) -> np.ndarray:
    """Means over windows in double precision, zeros of the padding included; `pads` as in `Convolution`."""
    return _sums(x.astype(np.float64, copy=False), kernel, strides, pads, _in_order) / math.prod(kernel)


def window_sums(x: np.ndarray, kernel: Sequence[int], strides: Sequence[int], pads: Sequence[int]) -> np.ndarray:
    """Sums over windows in the type of x, zeros of the padding included, of numbers that may be added in any order."""
    return _sums(x, kernel, strides, pads, _as_product)


def _in_order(blocks: np.ndarray, axis: int) -> np.ndarray:
    return blocks.sum(axis)


def _as_product(blocks: np.ndarray, axis: int) -> np.ndarray:
    """A matrix product with ones: NumPy's own sum along an axis with few numbers behind it is ten times slower."""
    size, inner = blocks.shape[axis], blocks.shape[axis + 1 :]
    rows = np.ascontiguousarray(blocks).reshape(-1, size, math.prod(inner))
    ones = np.ones((1, size), blocks.dtype)
    sums = rows[..., 0] @ ones[0] if rows.shape[2] == 1 else ones @ rows
    return sums.reshape(*blocks.shape[:axis], *inner)


def _sums(
    x: np.ndarray, kernel: Sequence[int], strides: Sequence[int], pads: Sequence[int],
    block_sums: Callable[[np.ndarray, int], np.ndarray],
) -> np.ndarray:  # fmt: skip
    """One dimension after the other."""
    for index, (size, step) in enumerate(zip(kernel, strides, strict=True)):
        before, after = pads[index], pads[index + len(kernel)]
        if before or after:
            x = np.pad(x, [(before, after) if at == index + 2 else (0, 0) for at in range(x.ndim)])
        if (size, step) != (1, 1):
            x = _sums_along(x, index + 2, size, step, block_sums)
    return x


def _sums_along(
    x: np.ndarray, axis: int, size: int, step: int, block_sums: Callable[[np.ndarray, int], np.ndarray]
) -> np.ndarray:
    """Windows that share whole blocks are sums of blocks."""
    count, block = (x.shape[axis] - size) // step + 1, math.gcd(size, step)
    if block > 1:
        x = x[(slice(None),) * axis + (slice((count - 1) * step + size),)]
        x = block_sums(x.reshape(*x.shape[:axis], -1, block, *x.shape[axis + 1 :]), axis + 1)
        size, step = size // block, step // block
    taps = [x[(slice(None),) * axis + (slice(at, at + (count - 1) * step + 1, step),)] for at in range(size)]
    return sum(taps[1:], start=taps[0])
