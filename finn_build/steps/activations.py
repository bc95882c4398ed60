"""The quantisers of activations in a QONNX network, and the layers whose numbers they quantise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from finn_build.integer_scales import integer_scales
from finn_build.node_order import nodes_in_order
from finn_build.statistics_unit.part import statistics_part

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


@dataclass(frozen=True)
class Activation:
    """A quantiser of activations, by its nodes in the QONNX graph.

    In front of the quantiser are a ReLU, `batch_norm`, and `weighted`, a convolution or linear layer. Or its
    numbers are quantised already, as in front of a layer that quantises its own input; then both are None.
    """

    quant: NodeProto
    batch_norm: NodeProto | None
    weighted: NodeProto | None


def activations(network: ModelWrapper) -> list[Activation | None]:
    """The quantisers of activations in order (`nodes_in_order`); None for one that is no `Activation`.

    Those of statistics are left out.
    """
    part = statistics_part(network.model)
    inside = part.nodes if part else frozenset()
    found: list[Activation | None] = []
    for quant in (node for node in nodes_in_order(network) if node.op_type == "Quant"):
        if network.get_initializer(quant.input[0]) is not None or quant.input[0] == network.graph.input[0].name:
            continue  # weights, the input quantiser
        if quant.output[0] in inside:
            continue
        chain: list[NodeProto] = []
        tensor = quant.input[0]
        while len(chain) < 3 and (node := network.find_producer(tensor)) is not None:
            chain.append(node)
            tensor = node.input[0]
        kinds = [node.op_type for node in chain]
        if kinds[:2] == ["Relu", "BatchNormalization"] and kinds[2:] in (["Conv"], ["MatMul"], ["Gemm"]):
            found.append(Activation(quant, chain[1], chain[2]))
        else:
            quantised = not integer_scales(network, quant.input[0]).lost_at
            found.append(Activation(quant, None, None) if quantised else None)
    return found
