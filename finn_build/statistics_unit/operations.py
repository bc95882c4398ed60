"""What each operation of the graph becomes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from finn_build.statistics_unit.elements import CONSTANT, Elements, dyadic, slots_around, stack
from finn_build.statistics_unit.layers import average, batch_norm, convolve, matrix_product, max_pool, reduce_max
from finn_build.statistics_unit.levels import limited, plain, rounded
from finn_build.statistics_unit.node import Node
from finn_build.statistics_unit.ranges import add_product
from finn_build.statistics_unit.sums import MIXED, weighted_sums
from finn_build.statistics_unit.wires import Term, Wires
from radioml.errors import RadioMLError

_ONE = np.ones(1)


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
    return weighted_sums(wires, pairs, np.ones(pairs.shape)).moved(lambda part: part.reshape(shape))


def _shape(wires: Wires, node: Node) -> Elements:
    target = node.constant(1)
    assert target is not None
    shape = [node[0].shape[axis] if size == 0 else int(size) for axis, size in enumerate(target.astype(int).tolist())]
    return node[0].moved(lambda part: part.reshape(shape))


def _flatten(wires: Wires, node: Node) -> Elements:
    axis = node.given.get("axis", 1)
    head = int(np.prod(node[0].shape[:axis]))
    return node[0].moved(lambda part: part.reshape(head, -1))


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
    "AveragePool": average,
    "MaxPool": max_pool,
    "ReduceMax": reduce_max,
    "MatMul": matrix_product,
    "Gemm": matrix_product,
    "Conv": convolve,
    "BatchNormalization": batch_norm,
    "Reshape": _shape,
    "Flatten": _flatten,
    "Transpose": lambda wires, node: node[0].moved(lambda part: part.transpose(node.given["perm"])),
    "Squeeze": lambda wires, node: _axes(node, squeeze=True),
    "Unsqueeze": lambda wires, node: _axes(node, squeeze=False),
    "Identity": lambda wires, node: node[0],
    "Concat": _concat,
}
