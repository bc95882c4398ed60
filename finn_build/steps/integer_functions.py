"""An activation as a function of the integers in front of it, channel by channel: its thresholds, or its table.

The network's own nodes compute the function, in double precision with the network's constants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from finn_build.graph.integer_scales import integer_scales, levels_of
from finn_build.steps.activations import MONOTONE, Activation
from finn_build.steps.network_constants import NetworkConstants
from radioml.errors import RadioMLError
from radioml.network.exact_qonnx import exact_function
from radioml.network.grids import Grid
from radioml.network.integer_nodes import attributes, integer_sums, quantised_weights
from radioml.network.staircase import staircase

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

TABLE_BITS = 8
"""Bits of the widest integers that a table takes."""
_MOST_TRIED = 2**16
"""Integers that are tried one by one where a function is not known to rise or to fall."""
_TIE = 1e-12
"""A number of levels whose relative distance from a half is at most this is taken for a tie."""


@dataclass(frozen=True)
class IntegerFunction:
    """Levels as a function of integers.

    name: of the first node that is not known to be monotone; without one, of the quantiser.
    monotone: whether all nodes are known to be monotone.
    levels: of the quantiser.
    scale, bias: of the integers, float64 (channels,).
    low, high: bounds of the integers.
    real: numbers float64 (n, channels) -> the quantiser's input.
    """

    name: str
    monotone: bool
    levels: Grid
    scale: np.ndarray
    bias: np.ndarray
    low: int
    high: int
    real: Callable[[np.ndarray], np.ndarray]

    def __call__(self, integers: np.ndarray) -> np.ndarray:
        """Integers float64 (n, 1) or (n, channels) -> levels, float64 (n, channels).

        Raises RadioMLError where an integer has no level, such as the logarithm of a negative one.
        """
        with np.errstate(all="ignore"):
            steps = self.real(integers * self.scale + self.bias) / self.levels.scale
        if np.isnan(steps).any():
            raise RadioMLError(
                f"{self.name} gives no number for some integers that its input can hold; put a ReLU or an unsigned "
                "quantiser in front of it"
            )
        half = np.floor(steps) + 0.5
        tied = np.abs(steps - half) <= _TIE * np.maximum(1, np.abs(half))
        # On a tie Brevitas rounds to the even level.
        return np.clip(np.rint(np.where(tied, half, steps)), self.levels.low, self.levels.high)

    @cached_property
    def signs(self) -> np.ndarray | None:
        """int64 (channels,): 1 where levels rise with the integers or stay, -1 where they fall; None for neither.

        A function that is not known to be monotone is tried for all integers; None, too, for more than 2^16 integers.
        """
        if self.monotone:
            ends = self(np.array([[self.low], [self.high]], np.float64))
            return np.where(ends[1] < ends[0], -1, 1)
        if self.high - self.low >= _MOST_TRIED:
            return None
        steps = np.diff(self(np.arange(self.low, self.high + 1, dtype=np.float64)[:, None]), axis=0)
        rises, falls = (steps >= 0).all(0), (steps <= 0).all(0)
        return np.where(rises, 1, -1) if (rises | falls).all() else None

    def thresholds(self, low: int, high: int) -> np.ndarray:
        """The smallest integer x sign from `low` to `high` with each level above the lowest, int64 (channels, levels).

        A level that all integers have begins at the smallest integer, a level that none has behind the largest. The
        function must have `signs`.
        """
        ends = (np.full(len(self.scale), end, np.int64) for end in (low, high))
        return staircase(self, self.levels.low, self.levels.high, *ends).first.T

    def table(self, low: int, high: int) -> np.ndarray:
        """Levels int64 (channels, n) of the integers from `low` to `high`, one row where all channels are alike.

        Integers beyond the function's bounds have the level of the nearest bound.
        """
        integers = np.clip(np.arange(low, high + 1, dtype=np.float64), self.low, self.high)
        rows = self(integers[:, None]).astype(np.int64).T
        return rows[:1] if (rows == rows[:1]).all() else rows


class IntegerFunctions:
    """The functions of a QONNX network."""

    def __init__(self, network: ModelWrapper) -> None:
        self._network = network
        self._constants = NetworkConstants(network)

    def of(self, activation: Activation) -> IntegerFunction:
        """The function of an activation; raises RadioMLError for a layer without integer sums."""
        nodes, network, source = activation.nodes, self._network, activation.source
        levels = levels_of(network, activation.quant)
        assert levels is not None
        first = next((node for node in nodes if not self._monotone(node)), None)
        named = activation.quant if first is None else first
        scale, bias, low, high = self._integers(activation)
        rank = len(network.get_tensor_shape(source))
        compute = exact_function(network.model, nodes, [source], self._constants.exact) if nodes else None

        def real(numbers: np.ndarray) -> np.ndarray:
            if compute is None:
                return numbers
            return compute(numbers.reshape(*numbers.shape, *[1] * (rank - 2))).reshape(numbers.shape)

        return IntegerFunction(f"{named.op_type} {named.name}", first is None, levels, scale, bias, low, high, real)

    def weights(self, layer: NodeProto) -> np.ndarray:
        """The integers of a layer with integer sums: (outputs, inputs, ...) of a convolution, or (inputs, outputs)."""
        found = quantised_weights(self._network.model, layer.input[1], self._constants.exact, self._constants.stored)
        assert found is not None
        return found[0].T if attributes(layer).get("transB", 0) else found[0]

    def _integers(self, activation: Activation) -> tuple[np.ndarray, np.ndarray, int, int]:
        """Scale and bias of the integers of a source, float64 (channels,), and their bounds."""
        layer = activation.weighted
        if layer is None:
            grid = integer_scales(self._network, activation.source).grid
            channels = self._network.get_tensor_shape(activation.source)[1] if activation.nodes else 1
            return np.full(channels, grid.scale), np.zeros(channels), grid.low, grid.high
        grid = integer_scales(self._network, layer.input[0]).grid
        sums = integer_sums(self._network.model, layer, grid, self._constants.exact, self._constants.stored)
        if sums is None:
            raise RadioMLError(f"{layer.op_type} {layer.name}: its sums are no integers of one scale a channel")
        return sums.scale, sums.bias, int(sums.low.min()), int(sums.high.max())

    def _monotone(self, node: NodeProto) -> bool:
        """Whether a node is known to be monotone. A quotient is monotone in its dividend only."""
        given = [name for name in node.input if name and name not in self._constants.stored]
        return node.op_type in MONOTONE and len(given) == 1 and (node.op_type != "Div" or given == node.input[:1])
