"""The scales of the integers that a tensor of a QONNX network holds: one, several, or none where it holds none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radioml.errors import RadioMLError

if TYPE_CHECKING:
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
    """Follow a tensor back to the quantisers that its numbers come from, through pooling and joins."""
    node = network.find_producer(tensor)
    if node is None:
        return IntegerScales({}, (tensor,))
    if node.op_type == "Quant":
        scale = network.get_initializer(node.input[1])
        if np.size(scale) == 1:
            return IntegerScales({node.name: float(scale.item())})
    elif node.op_type in _KEEPS_INTEGERS:
        return integer_scales(network, node.input[0])
    elif node.op_type in _JOINS:
        branches = [integer_scales(network, name) for name in node.input]
        scales = {name: scale for branch in branches for name, scale in branch.scales.items()}
        return IntegerScales(scales, tuple(dict.fromkeys(lost for branch in branches for lost in branch.lost_at)))
    return IntegerScales({}, (f"{node.op_type} {node.name}",))
