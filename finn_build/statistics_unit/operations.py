"""What each operation of the graph becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finn_build.statistics_unit.elements import CONSTANT, Elements, dyadic, slots_around, stack
from finn_build.statistics_unit.levels import limited, plain, rounded
from finn_build.statistics_unit.ranges import add_product
from finn_build.statistics_unit.serial import in_turn
from finn_build.statistics_unit.sums import MIXED, MOST_TAPS, extremes, weighted_sums
from finn_build.statistics_unit.windows import windows_of
from finn_build.statistics_unit.wires import Term, Wires
from radioml.errors import RadioMLError
from radioml.network.integer_nodes import attributes

if TYPE_CHECKING:
    import onnx

_ONE = np.ones(1)


@dataclass(frozen=True)
class Node:
    """A node of the graph: its attributes, and its inputs as elements, None where one is left out."""

    kind: str
    given: Mapping[str, Any]
    inputs: tuple[Elements | None, ...]

    def __getitem__(self, index: int) -> Elements:
        found = self.inputs[index]
        assert found is not None
        return found

    def constant(self, index: int) -> np.ndarray | None:
        """An input as numbers; None where it is left out. Raises RadioMLError where it depends on the frame."""
        if index >= len(self.inputs) or (found := self.inputs[index]) is None:
            return None
        if (found.wire != CONSTANT).any():
            raise RadioMLError("one of its parameters depends on the frame; it has to be a constant")
        return found.offset

    def scalar(self, index: int) -> float | None:
        """A constant input that is one number."""
        found = self.constant(index)
        if found is None:
            return None
        if found.size != 1:
            raise RadioMLError("it has a parameter for each channel; one for the tensor is what it may have")
        return float(found.item())


def node_of(proto: onnx.NodeProto, inputs: tuple[Elements | None, ...]) -> Node:
    """A node with its inputs."""
    return Node(proto.op_type, attributes(proto), inputs)


def apply(wires: Wires, node: Node) -> Elements:
    """The output of a node. Raises RadioMLError, without the node's name, for one that has no RTL here."""
    if node.kind not in _OPERATIONS:
        known = ", ".join(sorted(_OPERATIONS))
        raise RadioMLError(f"the statistics unit has no {node.kind}; it has {known}")
    return _OPERATIONS[node.kind](wires, node)


def _quantise(wires: Wires, node: Node) -> Elements:
    scale, zero, bits = (node.scalar(index) for index in (1, 2, 3))
    assert scale is not None and bits is not None
    mode = node.given.get("rounding_mode", b"ROUND").decode()
    if zero or mode != "ROUND" or np.frexp(scale)[0] != 0.5:
        raise RadioMLError("its scale has to be a power of two, its zero point 0 and its rounding mode ROUND")
    signed, narrow = node.given.get("signed", 1), node.given.get("narrow", 0)
    high = 2 ** (int(bits) - signed) - 1 - (narrow and not signed)
    return rounded(wires, node[0], scale, -high - 1 + narrow if signed else 0, high)


def _multiply(wires: Wires, node: Node) -> Elements:
    left, right = node[0], node[1]
    for one, other in ((left, right), (right, left)):
        if (other.wire == CONSTANT).all():
            return one.scaled(other.offset)
    shape = np.broadcast_shapes(left.shape, right.shape)
    rows = [plain(wires, part).moved(lambda a: np.broadcast_to(a, shape).ravel()) for part in (left, right)]
    return _products(wires, *rows).moved(lambda part: part.reshape(shape))


def _products(wires: Wires, left: Elements, right: Elements) -> Elements:
    """Products of two rows of numbers without offsets."""
    moving = (left.wire != CONSTANT) & (right.wire != CONSTANT)
    held = [np.array([w != CONSTANT and wires[w].held for w in part.wire.tolist()]) for part in (left, right)]
    slot = np.maximum(left.slot, right.slot)
    slot = np.where(held[0] & ~held[1], right.slot, np.where(held[1] & ~held[0], left.slot, slot))
    delays = [np.where(of, 0, slot - part.slot) for of, part in zip(held, (left, right), strict=True)]
    index, wire = np.flatnonzero(moving), np.full(len(moving), CONSTANT)
    keys = np.stack([left.wire, delays[0], right.wire, delays[1]])[:, index]
    shapes, which = np.unique(keys, axis=1, return_inverse=True)
    for number, (a, delay_a, b, delay_b) in enumerate(shapes.T.tolist()):
        chosen = index[which.ravel() == number]
        serial = {wires[w].slots.serial for w in (a, b)}
        if len(serial) > 1:
            raise RadioMLError(MIXED)
        terms = sorted([Term(a, 1, delay_a), Term(b, 1, delay_b)], key=lambda term: (term.source, term.delay))
        wire[chosen] = add_product(wires, terms[0], terms[1], slots_around(slot[chosen], serial.pop()))
    gain = dyadic(left.gain * right.gain)
    return Elements(wire, slot, np.where(moving, gain, 0.0), np.where(moving, 0.0, left.offset * right.offset))


def _add(wires: Wires, node: Node, sign: float = 1.0) -> Elements:
    left, right = node[0], node[1].scaled(np.array(sign))
    for one, other in ((left, right), (right, left)):
        if (other.wire == CONSTANT).all():
            return one.shifted(other.offset)
    shape = np.broadcast_shapes(left.shape, right.shape)
    rows = [part.moved(lambda a: np.broadcast_to(a, shape).ravel()) for part in (left, right)]
    pairs = stack([row.moved(lambda a: a[:, None]) for row in rows], 1)
    return _weighted(wires, pairs, np.ones(pairs.shape)).moved(lambda part: part.reshape(shape))


def _weighted(wires: Wires, rows: Elements, weights: np.ndarray) -> Elements:
    """Weighted sums of the rows of (sums, terms)."""
    terms = [(rows[np.array(index)], weights[index]) for index in range(len(weights))]
    return weighted_sums(wires, terms, np.zeros(len(weights)))


def _average(wires: Wires, node: Node) -> Elements:
    kernel = node.given["kernel_shape"]
    pads = node.given.get("pads", [0] * 2 * len(kernel))
    if node.given.get("ceil_mode") or (any(pads) and not node.given.get("count_include_pad")):
        raise RadioMLError("its padding has to count as zeros (count_include_pad), without ceil_mode")
    source = plain(wires, node[0]) if any(pads) or np.prod(kernel) > MOST_TAPS else node[0]
    rows, shape = windows_of(wires, source, kernel, node.given.get("strides", [1] * len(kernel)), pads)
    result = _weighted(wires, rows, np.full(rows.shape, 1 / np.prod(kernel)))
    return in_turn(wires, result.moved(lambda part: part.reshape(shape)))


def _max_pool(wires: Wires, node: Node) -> Elements:
    kernel = node.given["kernel_shape"]
    if any(node.given.get("pads", [])) or node.given.get("ceil_mode"):
        raise RadioMLError("a maximum has to be without padding and ceil_mode")
    strides = node.given.get("strides", [1] * len(kernel))
    rows, shape = windows_of(wires, node[0], kernel, strides, [0] * 2 * len(kernel))
    found = extremes(wires, "max", [rows[np.array(index)] for index in range(len(rows.wire))])
    return in_turn(wires, found.moved(lambda part: part.reshape(shape)))


def _reduce_max(wires: Wires, node: Node) -> Elements:
    axes = node.constant(1)
    if axes is None or axes.size != 1:
        raise RadioMLError("a maximum is over one axis")
    x, axis = node[0], int(axes.item())
    keep = node.given.get("keepdims", 1)
    moved = x.moved(lambda part: np.moveaxis(part, axis, -1))
    rows = moved.moved(lambda part: part.reshape(-1, x.shape[axis]))
    found = extremes(wires, "max", [rows[np.array(index)] for index in range(len(rows.wire))])
    shape = moved.shape[:-1]
    result = found.moved(lambda part: part.reshape(shape))
    result = in_turn(wires, result)
    return result.moved(lambda part: np.expand_dims(part, axis)) if keep else result


def _matrix(wires: Wires, node: Node) -> Elements:
    weights = node.constant(1)
    if weights is None or weights.ndim != 2:
        raise RadioMLError("its weights have to be a constant matrix")
    if node.kind == "Gemm":
        if node.given.get("transA") or node.given.get("alpha", 1) != 1 or node.given.get("beta", 1) != 1:
            raise RadioMLError("a Gemm may have transB and nothing else")
        weights = weights.T if node.given.get("transB") else weights
    x = node[0]
    rows = x.moved(lambda part: part.reshape(-1, x.shape[-1]))
    count, outputs = len(rows.wire), weights.shape[1]
    terms = [(rows[np.array(row)], weights[:, output]) for row in range(count) for output in range(outputs)]
    bias = node.constant(2)
    constant = np.zeros(outputs) if bias is None else np.broadcast_to(bias, (outputs,))
    result = weighted_sums(wires, terms, np.tile(constant, count))
    return result.moved(lambda part: part.reshape(*x.shape[:-1], outputs))


def _convolve(wires: Wires, node: Node) -> Elements:
    weights = node.constant(1)
    kernel = [1, 1] if weights is None else list(weights.shape[2:])
    dilations = node.given.get("dilations", [])
    if weights is None or weights.ndim != 4 or node.given.get("group", 1) != 1 or any(d != 1 for d in dilations):
        raise RadioMLError("a convolution has constant weights, two dimensions, one group and no dilation")
    pads = node.given.get("pads", [0] * 4)
    source = plain(wires, node[0]) if any(pads) else node[0]
    rows, shape = windows_of(wires, source, kernel, node.given.get("strides", [1, 1]), pads)
    pixels, channels = shape[2] * shape[3], shape[1]
    by_channel = rows.moved(lambda part: part.reshape(channels, pixels, -1).transpose(1, 0, 2).reshape(pixels, -1))
    matrix = weights.reshape(len(weights), -1)
    bias = node.constant(2)
    constant = np.zeros(len(matrix)) if bias is None else bias.ravel()
    terms = [(by_channel[np.array(pixel)], row) for row in matrix for pixel in range(pixels)]
    result = weighted_sums(wires, terms, np.repeat(constant, pixels))
    return in_turn(wires, result.moved(lambda part: part.reshape(1, len(matrix), *shape[2:])))


def _shape(wires: Wires, node: Node) -> Elements:
    target = node.constant(1)
    assert target is not None
    shape = [node[0].shape[axis] if size == 0 else int(size) for axis, size in enumerate(target.astype(int).tolist())]
    return node[0].moved(lambda part: part.reshape(shape))


def _flatten(wires: Wires, node: Node) -> Elements:
    axis = node.given.get("axis", 1)
    head = int(np.prod(node[0].shape[:axis]))
    return node[0].moved(lambda part: part.reshape(head, -1))


def _batch_norm(wires: Wires, node: Node) -> Elements:
    gamma, beta, mean, variance = (node.constant(index) for index in (1, 2, 3, 4))
    assert gamma is not None and beta is not None and mean is not None and variance is not None
    factor = gamma / np.sqrt(variance + node.given.get("epsilon", 1e-5))
    shape = (1, -1, *[1] * (len(node[0].shape) - 2))
    return node[0].scaled(factor.reshape(shape)).shifted((beta - mean * factor).reshape(shape))


def _axes(node: Node, squeeze: bool) -> Elements:
    axes = node.constant(1)
    places = tuple(axes.astype(int).tolist()) if axes is not None else tuple(node.given.get("axes", []))
    if squeeze:
        return node[0].moved(lambda part: np.squeeze(part, places))
    return node[0].moved(lambda part: np.expand_dims(part, places))


def _concat(wires: Wires, node: Node) -> Elements:
    return stack([part for part in node.inputs if part is not None], node.given["axis"])


_OPERATIONS: dict[str, Callable[[Wires, Node], Elements]] = {
    "Quant": _quantise,
    "Round": lambda wires, node: rounded(wires, node[0], 1.0, None, None),
    "Clip": lambda wires, node: limited(wires, node[0], node.scalar(1), node.scalar(2)),
    "Relu": lambda wires, node: limited(wires, node[0], 0.0, None),
    "Mul": _multiply,
    "Add": _add,
    "Sub": lambda wires, node: _add(wires, node, -1.0),
    "Neg": lambda wires, node: node[0].scaled(-_ONE),
    "AveragePool": _average,
    "MaxPool": _max_pool,
    "ReduceMax": _reduce_max,
    "MatMul": _matrix,
    "Gemm": _matrix,
    "Conv": _convolve,
    "BatchNormalization": _batch_norm,
    "Reshape": _shape,
    "Flatten": _flatten,
    "Transpose": lambda wires, node: node[0].moved(lambda part: part.transpose(node.given["perm"])),
    "Squeeze": lambda wires, node: _axes(node, squeeze=True),
    "Unsqueeze": lambda wires, node: _axes(node, squeeze=False),
    "Identity": lambda wires, node: node[0],
    "Concat": _concat,
}
