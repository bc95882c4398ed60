"""Integers behind batch norms without a quantiser: each channel is an affine map of the sums of the layer in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from finn_build.steps.activations import Activation, activations
from finn_build.steps.network_constants import NetworkConstants
from radioml.network.integer_nodes import Sums, attributes, integer_sums, quantised_weights, quantiser_grid

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


@dataclass(frozen=True)
class AffineMap:
    """Numbers of a tensor, channel by channel: slope x integer + offset.

    The integers are the sums of the layers in front of `norms`. Sums of a channel with a negative gamma are negated.

    norms: the batch norms that make the numbers.
    slope, offset: float64 (channels,), the slope 0 or more.
    low, high: int64 (channels,), bounds of the integers.
    """

    norms: tuple[NodeProto, ...]
    slope: np.ndarray
    offset: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Behind:
    """A layer that reads an affine map, and the activation behind it.

    weights: the layer's integers (outputs, inputs), or (channels, pixels of the kernel) of a depthwise convolution.
    scale: value of one step of the weights, float64 (outputs,).
    bias: float64 (outputs,).
    depthwise: whether the layer is a depthwise convolution.
    """

    activation: Activation
    source: AffineMap
    weights: np.ndarray
    scale: np.ndarray
    bias: np.ndarray
    depthwise: bool

    @property
    def layer(self) -> NodeProto:
        """The layer's node."""
        assert self.activation.weighted is not None
        return self.activation.weighted


class AffineMaps:
    """The affine maps of a QONNX network."""

    def __init__(self, network: ModelWrapper) -> None:
        self._network = network
        self._constants = NetworkConstants(network)

    def readers(self) -> list[Behind]:
        """The layers that read affine maps and whose sums become levels."""
        return [behind for activation in self._activations if (behind := self._behind(activation)) is not None]

    def reads(self, node: NodeProto) -> bool:
        """Whether a layer is one of `readers`."""
        found = [activation for activation in self._activations if activation.weighted == node]
        return any(self._behind(activation) is not None for activation in found)

    @cached_property
    def _activations(self) -> list[Activation]:
        return [activation for activation in activations(self._network) if activation is not None]

    def _behind(self, activation: Activation) -> Behind | None:
        layer = activation.weighted
        source = None if layer is None or activation.batch_norm is None else self._map(layer.input[0])
        if source is None or layer is None:
            return None
        found = quantised_weights(self._network.model, layer.input[1], self._constants.exact, self._constants.stored)
        if found is None:
            return None
        weights, scales = found
        if layer.op_type == "Conv":
            channels = len(source.slope)
            if attributes(layer).get("group", 1) != channels or len(weights) != channels or weights.ndim != 3:
                return None
        elif layer.op_type == "MatMul" or not attributes(layer).get("transB", 0):
            weights, scales = weights.T, scales.T
        weights, scales = weights.reshape(len(weights), -1), scales.reshape(len(scales), -1)
        bias = np.zeros(len(weights)) if len(layer.input) < 3 else self._constants.exact[layer.input[2]].ravel()
        return Behind(activation, source, weights, scales[:, 0], bias, layer.op_type == "Conv")

    def _map(self, tensor: str) -> AffineMap | None:
        node = self._network.find_producer(tensor)
        if node is None:
            return None
        if node.op_type == "MaxPool" or (node.op_type == "Flatten" and self._pixels(node) == 1):
            return self._map(node.input[0])
        if node.op_type == "Concat":
            parts = [part for name in node.input if (part := self._map(name)) is not None]
            return _side_by_side(parts) if len(parts) == len(node.input) else None
        return self._of_norm(node) if node.op_type == "BatchNormalization" else None

    def _of_norm(self, norm: NodeProto) -> AffineMap | None:
        sums = self._sums(norm.input[0])
        if sums is None:
            return None
        gamma, beta, mean, variance = (self._constants.exact[name] for name in norm.input[1:5])
        slope = gamma / np.sqrt(variance + attributes(norm)["epsilon"])
        offset = beta + slope * (sums.bias - mean)
        slope, low, high = slope * sums.scale, sums.low, sums.high
        low, high = np.where(slope < 0, -high, low), np.where(slope < 0, -low, high)
        return AffineMap((norm,), np.abs(slope), offset, low, high)

    def _sums(self, tensor: str) -> Sums | None:
        """The integer sums of a convolution of a quantiser's integers, if a single layer reads the sums."""
        layer = self._network.find_producer(tensor)
        if layer is None or layer.op_type != "Conv" or len(self._network.find_consumers(tensor)) > 1:
            return None
        quant = self._network.find_producer(layer.input[0])
        grid = None if quant is None else quantiser_grid(quant, self._constants.exact)
        if grid is None:
            return None
        return integer_sums(self._network.model, layer, grid, self._constants.exact, self._constants.stored)

    def _pixels(self, node: NodeProto) -> int:
        return int(np.prod(self._network.get_tensor_shape(node.input[0])[2:]))


def _side_by_side(parts: Sequence[AffineMap]) -> AffineMap:
    slope, offset, low, high = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("slope", "offset", "low", "high")
    )
    return AffineMap(tuple(norm for part in parts for norm in part.norms), slope, offset, low, high)
