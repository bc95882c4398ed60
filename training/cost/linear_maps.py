"""Operations of an ONNX graph as sparse linear maps, with their constants and without them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

_MOVES = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")


@dataclass(frozen=True)
class Linear:
    """A tensor of `shape` whose elements, in the order of memory, are weighted sums of the elements of others.

    rows, columns: int64 (n,). weights, plain: float64 (n,). Each index is a term: the element, the input, its weight,
    and what the weight would be if all constants on the way were 1. A row and column may have several terms.
    """

    shape: tuple[int, ...]
    rows: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    plain: np.ndarray

    @classmethod
    def identity(cls, shape: tuple[int, ...], first: int) -> Linear:
        """A tensor that is the inputs from number `first` on."""
        place = np.arange(math.prod(shape))
        return cls(shape, place, first + place, np.ones(len(place)), np.ones(len(place)))

    def moved(self, shape: tuple[int, ...], rows: np.ndarray) -> Linear:
        """Each term in another row, int64 (n,)."""
        return replace(self, shape=shape, rows=rows)

    def scaled(self, constant: np.ndarray | float, shape: tuple[int, ...]) -> Linear:
        """The tensor, broadcast to `shape`, times a constant."""
        factors = np.broadcast_to(np.asarray(constant, np.float64), shape).ravel()
        wide = self.broadcast(shape)
        return replace(wide, weights=wide.weights * factors[wide.rows])

    def broadcast(self, shape: tuple[int, ...]) -> Linear:
        """The tensor in a larger shape."""
        if math.prod(shape) == math.prod(self.shape):
            return replace(self, shape=shape)
        index = np.broadcast_to(np.arange(math.prod(self.shape)).reshape(self.shape), shape).ravel()
        copies = [self.taken(index == row, row) for row in range(math.prod(self.shape))]
        return joined(shape, copies)

    def taken(self, places: np.ndarray, row: int) -> Linear:
        """Copies of one row at the places, bool (elements,), of another tensor."""
        term, to = self.rows == row, np.flatnonzero(places)
        count = int(term.sum())
        return Linear(
            self.shape, np.repeat(to, count), np.tile(self.columns[term], len(to)),
            np.tile(self.weights[term], len(to)), np.tile(self.plain[term], len(to)),
        )  # fmt: skip

    def merged(self) -> Linear:
        """One term for each row and column, in the order of rows; terms of weight 0 are left out."""
        width = int(self.columns.max(initial=0)) + 1
        keys, place = np.unique(self.rows * width + self.columns, return_inverse=True)
        weights, plain = np.bincount(place, self.weights, len(keys)), np.bincount(place, self.plain, len(keys))
        stays = weights != 0
        rows, columns = np.divmod(keys[stays], width)
        return Linear(self.shape, rows, columns, weights[stays], plain[stays])

    def terms(self) -> int:
        """Number of terms of the longest sum."""
        return int(np.bincount(self.merged().rows, minlength=1).max())

    def sums(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Weights, plain weights and columns of each sum of two terms or more."""
        terms = self.merged()
        starts = np.flatnonzero(np.diff(terms.rows, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(terms.rows)], strict=True):
            if end - start > 1:
                yield terms.weights[start:end], terms.plain[start:end], terms.columns[start:end]


def joined(shape: tuple[int, ...], parts: Sequence[Linear]) -> Linear:
    """The sum of tensors of one shape."""
    names = ("rows", "columns", "weights", "plain")
    return Linear(shape, *(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def linear_map(
    node: onnx.NodeProto, maps: Mapping[str, Linear], constants: Mapping[str, np.ndarray | None], shape: tuple[int, ...]
) -> Linear | None:
    """The output of a node as a linear map of inputs, without added constants; None if the node is not linear.

    maps: linear maps of earlier tensors. constants: by name, None for a tensor that is no constant. shape: of the
    output.
    """
    from onnx.helper import get_attribute_value

    given: dict[str, Any] = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
    parts = [maps[name] for name in node.input if name in maps]
    others = [constants.get(name) for name in node.input if name not in maps]
    fixed = [value for value in others if value is not None]
    first = parts[0]
    if len(fixed) < len(others):
        return None
    if node.op_type in _MOVES:
        return first.moved(shape, first.rows)
    if node.op_type == "Transpose":
        order = np.arange(math.prod(first.shape)).reshape(first.shape).transpose(given["perm"]).ravel()
        return first.moved(shape, np.argsort(order)[first.rows])
    if node.op_type == "Concat" and not fixed:
        return _concatenated(parts, given["axis"], shape)
    if node.op_type == "AveragePool":
        return _pooled(first, given, shape)
    if node.op_type in ("Add", "Sub"):
        minus = node.op_type == "Sub" and node.input[1] in maps
        signs = [1.0] * len(parts)
        signs[-1] = -1.0 if minus else 1.0
        return joined(shape, [part.scaled(sign, shape) for part, sign in zip(parts, signs, strict=True)])
    if node.op_type == "Mul" and len(fixed) == 1:
        return first.scaled(fixed[0], shape)
    if node.op_type == "Div" and len(fixed) == 1 and node.input[0] in maps:
        return first.scaled(1 / fixed[0], shape)
    if node.op_type == "BatchNormalization" and len(fixed) == 4:
        gain = fixed[0] / np.sqrt(fixed[3] + given.get("epsilon", 1e-5))
        return first.scaled(gain.reshape(1, -1, *[1] * (len(shape) - 2)), shape)
    return None


def _concatenated(parts: Sequence[Linear], axis: int, shape: tuple[int, ...]) -> Linear:
    ends = np.cumsum([math.prod(part.shape) for part in parts])
    places = [
        np.arange(end - math.prod(part.shape), end).reshape(part.shape) for part, end in zip(parts, ends, strict=True)
    ]
    to = np.argsort(np.concatenate(places, axis).ravel())
    starts = [0, *ends[:-1]]
    return joined(shape, [p.moved(shape, to[p.rows + start]) for p, start in zip(parts, starts, strict=True)])


def _pooled(x: Linear, given: Mapping[str, Any], shape: tuple[int, ...]) -> Linear | None:
    """An average pool, one dimension after the other; None for one with attributes that are not known here."""
    kernel = given["kernel_shape"]
    strides, pads = given.get("strides", [1] * len(kernel)), given.get("pads", [0] * 2 * len(kernel))
    unusual = given.get("ceil_mode") or given.get("auto_pad", b"NOTSET") != b"NOTSET" or given.get("dilations")
    if unusual or (any(pads) and not given.get("count_include_pad")):
        return None
    sizes = list(x.shape)
    for index, (size, step) in enumerate(zip(kernel, strides, strict=True)):
        axis, count = index + 2, shape[index + 2]
        inner = math.prod(sizes[axis + 1 :])
        outer, place, rest = x.rows // (inner * sizes[axis]), x.rows // inner % sizes[axis], x.rows % inner
        padded = place + pads[index]
        copies = []
        for back in range(math.ceil(size / step)):
            window = padded // step - back
            inside = (window >= 0) & (window < count) & (padded < window * step + size)
            rows = ((outer * count + window) * inner + rest)[inside]
            copies.append(Linear(shape, rows, x.columns[inside], x.weights[inside] / size, x.plain[inside] / size))
        x, sizes[axis] = joined(shape, copies), count
    return x.merged()
