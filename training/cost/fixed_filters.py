"""Fixed filters: weighted sums that a model computes with constants and pools instead of a convolution.

The official cost function bills convolutions and linear layers only. A network can compute a sum of activations with
unequal weights without either: scale by constants, then add, or pool. This module finds such sums in the graph by what
they compute. Between two non-linear operations every tensor is a linear map of source tensors. A source is an
activation behind a quantiser, a product or a maximum, or the means of separate blocks. A map is compared with the same
map without its constants. Where the inputs of a value keep equal shares, the constants only scale the value, as in a
pool, a sum or a batch norm. Otherwise the value is billed as one output of a convolution: for each input the input's
bits times the bits of its weight.

The strictest bill takes each weight as a signed integer on the common grid of that output's weights. The conservative
bill does so for filters, which weigh values of one tensor unequally, as an equaliser weighs neighbouring samples. Other
sums add and subtract whole tensors: a tensor's factor is a scale, and the weights have 2 bits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from radioml.contract.score import FixedFilter
from training.cost.linear_maps import Linear, linear_map

if TYPE_CHECKING:
    import onnx
    from qonnx.core.modelwrapper import ModelWrapper

_FLOAT_BITS = 32
_NARROWEST = 2
"""Bits of a weight of 1 or -1."""
_FINEST = 24
"""Bits behind the point that a weight may have, in units of the largest; one with more counts as a float."""
_EQUAL = 1e-6
"""Relative difference up to which shares are equal; rounding stays below it."""


def fixed_filters(model: ModelWrapper) -> tuple[FixedFilter, ...]:
    """The fixed filters of a model with known shapes and data types."""
    finder = _Finder(model)
    return tuple(finder.found)


class _Sum(NamedTuple):
    """Weights of a sum (n,), and for each term the bits of the input and of the weight."""

    weights: np.ndarray
    input_bits: np.ndarray
    weight_bits: np.ndarray

    def bit_ops(self) -> int:
        """Bit operations of the products."""
        return int((self.input_bits * self.weight_bits).sum())


class _Finder:
    """Walks over the graph once."""

    def __init__(self, model: ModelWrapper) -> None:
        self.found: list[FixedFilter] = []
        self._model = model
        self._maps: dict[str, Linear] = {}
        self._bits: list[int] = []
        self._sizes: list[int] = []
        self._ended: set[str] = set()
        self._billed: set[tuple[bytes, bytes]] = set()
        self._begin(model.graph.input[0].name, _FLOAT_BITS)
        for node in model.graph.node:
            self._take(node)
        for value in model.graph.output:
            self._end(value.name)

    def _take(self, node: onnx.NodeProto) -> None:
        sources = [name for name in node.input if name in self._maps]
        if not sources:
            return  # computed from constants only
        output = node.output[0]
        constants = {name: self._model.get_initializer(name) for name in node.input if name}
        mapped = linear_map(node, self._maps, constants, tuple(self._model.get_tensor_shape(output)))
        if mapped is None:
            bits = self._width(node, sources)
            for name in sources:
                self._end(name)
            self._begin(output, bits)
            return
        self._maps[output] = mapped
        if _averages_separate_blocks(node):
            bits = self._source_bits(output) + (mapped.terms() - 1).bit_length()
            self._end(output)
            self._begin(output, bits)

    def _begin(self, name: str, bits: int) -> None:
        """Make a tensor a source of linear maps."""
        shape = tuple(self._model.get_tensor_shape(name))
        self._maps[name] = Linear.identity(shape, sum(self._sizes))
        self._sizes.append(math.prod(shape))
        self._bits.append(min(bits, _FLOAT_BITS))
        self._ended.add(name)

    def _tensors_of(self, columns: np.ndarray) -> np.ndarray:
        """Number of the source tensor that each element belongs to."""
        return np.searchsorted(np.cumsum(self._sizes), columns, side="right")

    def _bits_of(self, columns: np.ndarray) -> np.ndarray:
        """Bits of elements of source tensors."""
        return np.array(self._bits)[self._tensors_of(columns)]

    def _source_bits(self, name: str) -> int:
        columns = self._maps[name].columns
        return int(self._bits_of(columns).max()) if len(columns) else 1

    def _width(self, node: onnx.NodeProto, sources: list[str]) -> int:
        """Bits of the result of a non-linear operation."""
        if node.op_type == "Quant":
            return int(self._model.get_tensor_datatype(node.output[0]).bitwidth())
        bits = [self._source_bits(name) for name in sources]
        if node.op_type == "Mul":
            return sum(bits)
        return max(bits) if node.op_type in ("MaxPool", "Relu", "Clip") else _FLOAT_BITS

    def _end(self, name: str) -> None:
        """Bill the values with unequal weights of a tensor that a non-linear operation reads."""
        if name in self._ended:
            return
        self._ended.add(name)
        strictest, conservative = [], []
        for weights, plain, columns in self._maps[name].sums():
            shares = weights / plain
            kernel = np.round(weights / weights[0], 6)
            if (
                np.ptp(shares) > _EQUAL * np.abs(shares).max()
                and (columns.tobytes(), kernel.tobytes()) not in self._billed
            ):
                self._billed.add((columns.tobytes(), kernel.tobytes()))  # a multiple of the sum costs nothing
                strictest.append(_Sum(weights, self._bits_of(columns), weight_widths(weights)))
                if self._is_filter(weights, columns):
                    conservative.append(strictest[-1])
                else:
                    signs = np.sign(weights)
                    conservative.append(_Sum(signs, self._bits_of(columns), weight_widths(signs)))
        if strictest:
            terms = max(len(each.weights) for each in strictest)
            self.found.append(FixedFilter(name, len(strictest), terms, *_bill(conservative), *_bill(strictest)))

    def _is_filter(self, weights: np.ndarray, columns: np.ndarray) -> bool:
        """Whether a sum weighs values of one tensor unequally, signs aside."""
        sizes, tensors = np.abs(weights), self._tensors_of(columns)
        return any(np.ptp(sizes[tensors == each]) > _EQUAL * sizes.max() for each in np.unique(tensors))


def _bill(sums: list[_Sum]) -> tuple[int, int]:
    """Bit operations, and bits of the distinct weights of the longest sums."""
    longest = max(len(each.weights) for each in sums)
    kernels = {
        tuple(np.round(each.weights / each.weights[0], 6)): int(each.weight_bits.sum())
        for each in sums
        if len(each.weights) == longest
    }
    return sum(each.bit_ops() for each in sums), sum(kernels.values())


def _averages_separate_blocks(node: onnx.NodeProto) -> bool:
    from onnx.helper import get_attribute_value

    given: dict[str, Any] = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
    return node.op_type == "AveragePool" and list(given.get("strides", [])) == list(given["kernel_shape"])


def weight_widths(weights: np.ndarray) -> np.ndarray:
    """Bits of each weight of a sum (n,), signed integers without a common factor; 32 where they lie on no grid."""
    scaled = weights / 2.0 ** np.ceil(np.log2(np.abs(weights).max())) * 2.0**_FINEST
    if not np.array_equal(scaled, np.rint(scaled)):
        return np.full(len(weights), _FLOAT_BITS)
    integers = scaled.astype(np.int64)
    integers //= np.gcd.reduce(integers)
    positive = np.where(integers > 0, integers, -integers - 1)
    return np.maximum([int(value).bit_length() + 1 for value in positive], _NARROWEST)
