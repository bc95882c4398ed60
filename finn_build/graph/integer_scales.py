"""Which integers a tensor of a QONNX network holds, if it holds integers: their scales and their range."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from radioml.errors import RadioMLError
from radioml.network.grids import Grid
from radioml.network.integer_nodes import quantiser_grid

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

_KEEPS_INTEGERS = ("MaxPool", "Flatten", "Reshape", "Transpose")
_JOINS = ("Add", "Sub", "Concat")


@dataclass(frozen=True)
class IntegerScales:
    """What the numbers of a tensor are.

    scales: name of each quantiser or product that the numbers come from -> value of one integer step.
    lost_at: layers that turn integers into other numbers, and inputs that were never quantised.
    low, high: bounds of the integers.
    """

    scales: dict[str, float]
    lost_at: tuple[str, ...] = ()
    low: int = 0
    high: int = 0

    @property
    def known(self) -> bool:
        """Whether the numbers are integers of one scale."""
        return not self.lost_at and len(set(self.scales.values())) == 1

    @property
    def scale(self) -> float:
        """Value of one integer step; raises RadioMLError when the numbers are not integers of one scale."""
        if not self.known:
            raise RadioMLError(f"no integers of one scale: {self}")
        return next(iter(self.scales.values()))

    @property
    def grid(self) -> Grid:
        """The numbers; raises RadioMLError as `scale` does."""
        return Grid(self.scale, self.low, self.high)


def integer_scales(network: ModelWrapper, tensor: str) -> IntegerScales:
    """Follow a tensor back to the quantisers that its numbers come from, through pooling, joins and products.

    The integers of an average are the sums over its window.
    """
    node = network.find_producer(tensor)
    if node is None:
        return IntegerScales({}, (tensor,))
    if node.op_type == "Quant":
        grid = levels_of(network, node)
        if grid is not None:
            return IntegerScales({node.name: grid.scale}, (), grid.low, grid.high)
    elif node.op_type in _KEEPS_INTEGERS:
        return integer_scales(network, node.input[0])
    elif node.op_type in ("AveragePool", "GlobalAveragePool"):
        before, pixels = integer_scales(network, node.input[0]), _window_pixels(network, node)
        scales = {name: scale / pixels for name, scale in before.scales.items()}
        return IntegerScales(scales, before.lost_at, before.low * pixels, before.high * pixels)
    elif node.op_type in _JOINS:
        return _joined(node.op_type, [integer_scales(network, name) for name in node.input])
    elif (product := _product(network, node)) is not None:
        return product
    return IntegerScales({}, (f"{node.op_type} {node.name}",))


def is_product(network: ModelWrapper, node: NodeProto) -> bool:
    """Whether a node multiplies two tensors of integers of one scale each."""
    return _product(network, node) is not None


def levels_of(network: ModelWrapper, quant: NodeProto) -> Grid | None:
    """The levels of a quantiser; see `quantiser_grid`."""
    constants = {name: network.get_initializer(name) for name in quant.input[1:]}
    return quantiser_grid(quant, {name: value for name, value in constants.items() if value is not None})


def quantiser_before(network: ModelWrapper, tensor: str) -> NodeProto | None:
    """The quantiser whose integers a tensor holds, directly or behind maxima and reshapes; None without one."""
    node = network.find_producer(tensor)
    while node is not None and node.op_type in _KEEPS_INTEGERS:
        node = network.find_producer(node.input[0])
    return node if node is not None and node.op_type == "Quant" else None


def _joined(kind: str, branches: list[IntegerScales]) -> IntegerScales:
    scales = {name: scale for branch in branches for name, scale in branch.scales.items()}
    lost = tuple(dict.fromkeys(lost for branch in branches for lost in branch.lost_at))
    lows, highs = [branch.low for branch in branches], [branch.high for branch in branches]
    if kind == "Concat":
        return IntegerScales(scales, lost, min(lows), max(highs))
    if kind == "Sub":
        lows[1], highs[1] = -highs[1], -lows[1]
    return IntegerScales(scales, lost, sum(lows), sum(highs))


def _product(network: ModelWrapper, node: NodeProto) -> IntegerScales | None:
    if node.op_type != "Mul" or node.input[0] == node.input[1]:
        return None
    left, right = (integer_scales(network, name) for name in node.input)
    if not (left.known and right.known):
        return None
    ends = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    return IntegerScales({node.name: left.scale * right.scale}, (), min(ends), max(ends))


def _window_pixels(network: ModelWrapper, node: NodeProto) -> int:
    from qonnx.util.basic import get_by_name

    kernel = get_by_name(node.attribute, "kernel_shape")
    return prod(network.get_tensor_shape(node.input[0])[2:] if kernel is None else kernel.ints)
