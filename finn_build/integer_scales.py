"""The scales of the integers that a tensor of a QONNX network holds: one, several, or none where it holds none."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

_KEEPS_INTEGERS = ("MaxPool", "Flatten", "Reshape", "Transpose")
_JOINS = ("Add", "Concat")


@dataclass(frozen=True)
class IntegerScales:
    """What the numbers of a tensor are.

    scales: value of one integer step of each quantiser that the numbers come from, by the quantiser's name.
    lost_at: the layers behind quantisers that turn integers into other numbers, or what was never quantised.
    """

    scales: dict[str, float]
    lost_at: tuple[str, ...] = ()

    @property
    def scale(self) -> float:
        """Value of one integer step; raises RadioMLError when the numbers are not integers of one scale."""
        if self.lost_at or len(set(self.scales.values())) != 1:
            raise RadioMLError(f"no integers of one scale: {self}")
        return next(iter(self.scales.values()))


def integer_scales(network: ModelWrapper, tensor: str) -> IntegerScales:
    """Follow a tensor back to the quantisers that its numbers come from, through pooling and joins.

    The integers of an average are the sums over its window.
    """
    node = network.find_producer(tensor)
    if node is None:
        return IntegerScales({}, (tensor,))
    if node.op_type == "Quant":
        scale = network.get_initializer(node.input[1])
        if np.size(scale) == 1:
            return IntegerScales({node.name: float(scale.item())})
    elif node.op_type in _KEEPS_INTEGERS:
        return integer_scales(network, node.input[0])
    elif node.op_type in ("AveragePool", "GlobalAveragePool"):
        before, pixels = integer_scales(network, node.input[0]), _window_pixels(network, node)
        return IntegerScales({name: scale / pixels for name, scale in before.scales.items()}, before.lost_at)
    elif node.op_type in _JOINS:
        branches = [integer_scales(network, name) for name in node.input]
        scales = {name: scale for branch in branches for name, scale in branch.scales.items()}
        return IntegerScales(scales, tuple(dict.fromkeys(lost for branch in branches for lost in branch.lost_at)))
    return IntegerScales({}, (f"{node.op_type} {node.name}",))


def quantiser_before(network: ModelWrapper, tensor: str) -> NodeProto | None:
    """The quantiser whose integers a tensor holds, all or the largest of them; None where there is none."""
    node = network.find_producer(tensor)
    while node is not None and node.op_type in _KEEPS_INTEGERS:
        node = network.find_producer(node.input[0])
    return node if node is not None and node.op_type == "Quant" else None


def _window_pixels(network: ModelWrapper, node: NodeProto) -> int:
    from qonnx.util.basic import get_by_name

    kernel = get_by_name(node.attribute, "kernel_shape")
    return prod(network.get_tensor_shape(node.input[0])[2:] if kernel is None else kernel.ints)
