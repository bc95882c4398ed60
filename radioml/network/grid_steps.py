"""Nodes of a QONNX graph on grids: rules compute the values of the output from those of the inputs, without rounding.

A rule gives a function of the inputs' values and the grid of its result. The bounds hold for all inputs on their grids,
so the type that a function computes in is proven to be exact. With a scale that is no power of two, double precision
rounds, and a rule would round differently. Scales must therefore be powers of two; only operations that move or compare
values take others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from radioml.network.grids import Grid, between, exact_type, is_power_of_two, unit_of
from radioml.network.integer_layers import max_pool, window_sums
from radioml.network.integer_nodes import attributes, quantiser_grid, windows

if TYPE_CHECKING:
    import onnx

Operand = Grid | np.ndarray | None
"""An input: the grid of a tensor, a constant in double precision, or neither."""
Step = tuple[Callable[..., np.ndarray], Grid]
"""A function from the values of the variable inputs to those of the output, and the output's grid."""
_Run = Callable[..., np.ndarray]


def unchanged(values: np.ndarray) -> np.ndarray:
    """The function of a product whose constant factor changes the scale alone."""
    return values


def grid_step(node: onnx.NodeProto, operands: Sequence[Operand], squares: bool) -> Step | None:
    """The rule of a node; None where it has none, or where no type holds all values.

    operands: one for each input, an empty constant for an input that is left out. squares: whether the two factors of a
    product are one tensor up to a positive factor.
    """
    rule, others = _RULES.get(node.op_type), _OTHERS.get(node.op_type, (Grid, np.ndarray))
    if rule is None or not isinstance(operands[0], Grid) or not all(isinstance(o, others) for o in operands[1:]):
        return None
    if not all(np.isfinite(operand).all() for operand in operands if isinstance(operand, np.ndarray)):
        return None
    found = rule(node, *operands)
    if found is not None and squares:
        found = found[0], replace(found[1], low=0)
    return found if found is not None and found[1].dtype is not None else None


def quantiser_step(node: onnx.NodeProto, of: Grid | None, constants: Mapping[str, np.ndarray]) -> Step | None:
    """A quantiser whose scale is a power of two, of a tensor on a grid or of real numbers in their own precision."""
    levels = quantiser_grid(node, constants)
    rounds = attributes(node).get("rounding_mode", b"ROUND").decode().upper() in ("ROUND", "HALF_EVEN")
    if levels is None or levels.dtype is None or not (levels.dyadic and rounds):
        return None
    if of is None:
        ratio, whole, ends = 1 / levels.scale, False, (Fraction(levels.low - 1), Fraction(levels.high + 1))
    elif of.dyadic:
        ratio = of.scale / levels.scale
        whole, ends = of.unit * ratio >= 1, (of.ends[0] * Fraction(ratio), of.ends[1] * Fraction(ratio))
    else:
        return None
    low, high = levels.ends
    limit = _limit(ends, low, high)

    def run(values: np.ndarray) -> np.ndarray:
        scaled = values * values.dtype.type(ratio) if ratio != 1 else values
        rounded = scaled if whole else np.rint(scaled)
        return limit(rounded).astype(levels.dtype, copy=False)

    return run, between(levels.scale, 1.0, *(min(max(Fraction(round(end)), low), high) for end in ends))


def _limit(ends: Sequence[Fraction], low: Fraction, high: Fraction) -> _Run:
    """A function that limits values, which lie between `ends`, to those between low and high."""
    if low <= ends[0] and ends[1] <= high:
        return unchanged
    least, most = float(low), float(high)
    return lambda values: np.clip(values, values.dtype.type(least), values.dtype.type(most))


def _in_type(make: Callable[[type], _Run], result: Grid, *others: Grid | Fraction) -> Step | None:
    """A function in the narrowest type that holds its result and its intermediate values (others: grids or integers).

    make: that type -> the function.
    """
    kinds = [result.dtype, *(o.dtype if isinstance(o, Grid) else exact_type(o) for o in others)]
    if any(kind is None for kind in kinds):
        return None
    kind, last = np.result_type(*kinds).type, result.dtype
    run = make(kind)
    return lambda *values: run(*(value.astype(kind, copy=False) for value in values)).astype(last, copy=False), result


def _ends(constant: np.ndarray) -> tuple[Fraction, Fraction]:
    return Fraction(float(constant.min())), Fraction(float(constant.max()))


def _integer(constant: np.ndarray, unit: float) -> Fraction:
    """The largest integer of a constant in units."""
    return max(map(abs, _ends(constant))) / Fraction(unit)


def _product(node: onnx.NodeProto, a: Grid, b: Grid | np.ndarray) -> Step | None:
    if isinstance(b, Grid):
        ends = [x * y for x, y in product(a.ends, b.ends)]
        result = between(a.scale * b.scale, a.unit * b.unit, *ends)
        return _in_type(lambda kind: np.multiply, result, a, b) if a.dyadic and b.dyadic else None
    if b.ndim < 2 and b.size == 1 and is_power_of_two(b.item()):
        return unchanged, replace(a, scale=a.scale * b.item())
    unit = unit_of(b)
    result = between(a.scale, a.unit * unit, *(x * y for x, y in product(a.ends, _ends(b))))
    if not a.dyadic:
        return None
    return _in_type(lambda kind: _with_constant(np.multiply, b.astype(kind)), result, a, _integer(b, unit))


def _with_constant(function: Callable[..., np.ndarray], constant: np.ndarray) -> _Run:
    return lambda values: function(values, constant)


def _sum(node: onnx.NodeProto, a: Grid, b: Grid | np.ndarray) -> Step | None:
    minus = node.op_type == "Sub"
    add = np.subtract if minus else np.add
    if isinstance(b, np.ndarray):
        if not a.dyadic:
            return None
        shift = b / a.scale
        unit = min(a.unit, unit_of(shift))
        result = between(a.scale, unit, *(x - y if minus else x + y for x, y in product(a.ends, _ends(shift))))
        return _in_type(lambda kind: _with_constant(add, shift.astype(kind)), result, a, _integer(shift, unit))
    ratio = b.scale / a.scale
    if not (a.dyadic and b.dyadic) and (ratio != 1 or minus):
        return None
    other = Grid(a.scale, b.low, b.high, b.unit * ratio)
    result = between(
        a.scale, min(a.unit, other.unit), *(x - y if minus else x + y for x, y in product(a.ends, other.ends))
    )
    return _in_type(lambda kind: lambda x, y: add(x, _times(y, ratio)), result, a, b, other)


def _times(values: np.ndarray, factor: float) -> np.ndarray:
    return values if factor == 1 else values * values.dtype.type(factor)


def _clip(node: onnx.NodeProto, a: Grid, *limits: np.ndarray) -> Step | None:
    if not a.dyadic or any(limit.size > 1 for limit in limits):
        return None
    ends, unit = [*a.ends], a.unit
    for index, limit in enumerate(limits):
        if limit.size:
            ends[index] = Fraction(limit.item() / a.scale)
            unit = min(unit, unit_of(limit / a.scale))
    run = _limit(a.ends, *ends)
    result = between(a.scale, unit, *(min(max(end, ends[0]), ends[1]) for end in a.ends))
    return _in_type(lambda kind: run, result, a, *(abs(end) / Fraction(unit) for end in ends))


def _relu(node: onnx.NodeProto, a: Grid) -> Step:
    return lambda values: np.maximum(values, 0), replace(a, low=max(a.low, 0), high=max(a.high, 0))


def _mean(node: onnx.NodeProto, a: Grid) -> Step | None:
    found = windows(node)
    if found is None or not a.dyadic or not is_power_of_two(count := math.prod(found.kernel)):
        return None
    ends = [count * end for end in a.ends] + [Fraction(0)] * any(found.pads)
    result = between(a.scale / count, a.unit, *ends)
    return _in_type(lambda kind: lambda x: window_sums(x, found.kernel, found.strides, found.pads), result, a)


def _highest(node: onnx.NodeProto, a: Grid) -> Step | None:
    found = windows(node)
    return None if found is None else (lambda values: max_pool(values, found.kernel, found.strides), a)


def _side_by_side(node: onnx.NodeProto, *parts: Grid) -> Step | None:
    scale, axis = min(part.scale for part in parts), attributes(node)["axis"]
    ratios = [part.scale / scale for part in parts]
    if not all(part.dyadic for part in parts) and any(ratio != 1 for ratio in ratios):
        return None
    same = [Grid(scale, part.low, part.high, part.unit * ratio) for part, ratio in zip(parts, ratios, strict=True)]
    result = between(scale, min(part.unit for part in same), *(end for part in same for end in part.ends))

    def run(*values: np.ndarray) -> np.ndarray:
        return np.concatenate([_times(value, ratio) for value, ratio in zip(values, ratios, strict=True)], axis)

    return _in_type(lambda kind: run, result, *parts)


def _reshaped(node: onnx.NodeProto, a: Grid, shape: np.ndarray) -> Step | None:
    sizes = [int(size) for size in shape]
    if 0 in sizes:
        return None
    return lambda values: np.ascontiguousarray(values.reshape(sizes)), a


_RULES: dict[str, Callable[..., Step | None]] = {
    "Mul": _product, "Add": _sum, "Sub": _sum, "Clip": _clip, "Relu": _relu, "AveragePool": _mean,
    "MaxPool": _highest, "Concat": _side_by_side, "Reshape": _reshaped,
}  # fmt: skip
_OTHERS: dict[str, type] = {"Clip": np.ndarray, "Reshape": np.ndarray, "Concat": Grid}
"""Type of the inputs behind the first one; other operations take any operand."""
