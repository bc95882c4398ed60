"""The quantisers of activations in a QONNX network, and the functions of one integer in front of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from finn_build.graph.integer_scales import integer_scales, levels_of
from finn_build.graph.node_order import nodes_in_order
from finn_build.statistics_unit.part import statistics_part

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

_WEIGHTED = ("Conv", "MatMul", "Gemm")
MONOTONE = (
    "Add", "BatchNormalization", "Clip", "Div", "Exp", "Identity", "Mul", "Neg", "Relu", "Sigmoid", "Sub", "Tanh",
)  # fmt: skip
"""Operations that are monotone in each channel where all inputs but one are constants."""
FUNCTIONS = (
    *MONOTONE, "Abs", "Elu", "Erf", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Pow", "Reciprocal", "Selu", "Sign",
    "Softplus", "Softsign", "Sqrt",
)  # fmt: skip
"""Operations that work element by element where their inputs come from one tensor, or are constants."""


@dataclass(frozen=True)
class Activation:
    """A quantiser of activations, and what it quantises: a function of one tensor, element by element.

    quant: the quantiser.
    source: a tensor of integers, or the sums of `weighted`.
    weighted: the convolution or linear layer whose sums the source is.
    nodes: the nodes between source and quantiser.
    """

    quant: NodeProto
    source: str
    weighted: NodeProto | None = None
    nodes: tuple[NodeProto, ...] = ()

    @property
    def batch_norm(self) -> NodeProto | None:
        """The batch norm, if the function is a batch norm and a ReLU of a layer's sums."""
        kinds = [node.op_type for node in self.nodes]
        return self.nodes[0] if self.weighted is not None and kinds == ["BatchNormalization", "Relu"] else None

    @property
    def known_to_finn(self) -> bool:
        """Whether FINN by itself turns the activation into thresholds. `fuse_activations` handles all others."""
        return self.batch_norm is not None or (self.weighted is None and not self.nodes)


def activations(network: ModelWrapper) -> list[Activation | None]:
    """An `Activation`, or None, for each of `activation_quantisers` in the same order.

    None stands for a quantiser of anything but a function of one tensor.
    """
    return [_activation(network, quant) for quant in activation_quantisers(network)]


def activation_quantisers(network: ModelWrapper) -> list[NodeProto]:
    """All quantisers of a QONNX network except those of its input, of weights and of statistics, in order."""
    part = statistics_part(network.model)
    inside = part.nodes if part else frozenset()
    return [
        node
        for node in nodes_in_order(network)
        if node.op_type == "Quant"
        and network.get_initializer(node.input[0]) is None
        and node.input[0] != network.graph.input[0].name
        and node.output[0] not in inside
    ]


def in_front(network: ModelWrapper, quant: NodeProto) -> tuple[list[NodeProto], list[str]]:
    """The nodes of `FUNCTIONS` between a quantiser and the tensors that it depends on, in order, and these tensors."""
    found: dict[str, NodeProto] = {}
    sources, waiting = [], [quant.input[0]]
    while waiting:
        tensor = waiting.pop()
        node = network.find_producer(tensor)
        if node is None and network.get_initializer(tensor) is not None:
            continue
        if node is None or not _continues(network, node, tensor):
            sources.append(tensor)
        elif node.output[0] not in found:
            found[node.output[0]] = node
            waiting += node.input
    nodes = [node for node in nodes_in_order(network) if node.output[0] in found] if found else []
    return nodes, list(dict.fromkeys(sources))


def _continues(network: ModelWrapper, node: NodeProto, tensor: str) -> bool:
    """Whether a tensor is a function of other tensors and holds no integers of one scale itself."""
    if node.op_type not in FUNCTIONS or integer_scales(network, tensor).known:
        return False
    shape = network.get_tensor_shape(tensor)
    if node.op_type == "BatchNormalization":
        return True
    constants = [value for name in node.input if name and (value := network.get_initializer(name)) is not None]
    return all(_by_channel(value, shape) for value in constants)


def _by_channel(value: np.ndarray, shape: list[int]) -> bool:
    """Whether a constant is one number, or one a channel, of tensors (1, channels, ...)."""
    one = (1, shape[1], *[1] * (len(shape) - 2))
    try:
        return np.broadcast_shapes(value.shape, one) == one
    except ValueError:
        return False


def _activation(network: ModelWrapper, quant: NodeProto) -> Activation | None:
    nodes, sources = in_front(network, quant)
    if len(sources) != 1 or levels_of(network, quant) is None:
        return None
    (source,) = sources
    layer = network.find_producer(source)
    if layer is not None and layer.op_type in _WEIGHTED:
        return Activation(quant, source, layer, tuple(nodes))
    return Activation(quant, source, None, tuple(nodes)) if integer_scales(network, source).known else None
