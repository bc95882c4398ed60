"""Quantisers of every dialect as QONNX's `Quant`, at the place and with the levels that they had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radioml.foreign.graph import Graph, label

if TYPE_CHECKING:
    import onnx

_WIDEST = 32
_BITS = {"int8": 8, "uint8": 8, "int16": 16, "uint16": 16, "int32": 32, "int4": 4, "uint4": 4, "int2": 2, "uint2": 2}
_ROUNDING = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")
"""Ways to round that qonnx computes."""
_SINGLE_PRECISION = 2.0**-20
"""Relative error of thresholds that were computed in single precision."""


@dataclass(frozen=True)
class _Levels:
    """What a `Quant` says: value = (integer - zero_point) x scale. scale, zero_point: broadcast to the tensor."""

    scale: np.ndarray
    zero_point: np.ndarray
    bits: int
    signed: bool
    narrow: bool
    rounding: str = "ROUND"


def unify_quantisers(graph: Graph) -> Iterator[str]:
    """Turn all quantisers into `Quant`; gives a line for each that cannot be one."""
    for node in graph.of("DequantizeLinear"):
        yield from _integers_to_quant(graph, node)
    for node in graph.of("QuantizeLinear"):
        yield f"{label(node)}: its integers are read by {_names(graph.readers(node.output[0]))}, no DequantizeLinear"
    for node in graph.of("MultiThreshold"):
        yield from _thresholds_to_quant(graph, node)
    for node in graph.of("Quant", "BipolarQuant"):
        yield from _tidy(graph, node)
    graph.prune()


def _put(graph: Graph, source: str, output: str, levels: _Levels, before: onnx.NodeProto) -> None:
    """Put a `Quant` of `source` in front of a node."""
    scale, zero_point = levels.scale.astype(np.float32), levels.zero_point.astype(np.float32)
    if levels.bits > 1 and not levels.signed and (zero_point == 2 ** (levels.bits - 1)).all() and not levels.narrow:
        zero_point = np.zeros((), np.float32)
        levels = _Levels(scale, zero_point, levels.bits, True, False, levels.rounding)
    inputs = {"scale": _one(scale), "zero_point": _one(zero_point), "bits": np.array(levels.bits)}
    graph.make(
        "Quant",
        [source, *(graph.constant(value.astype(np.float32), f"{output}_{name}") for name, value in inputs.items())],
        output,
        before,
        signed=int(levels.signed),
        narrow=int(levels.narrow),
        rounding_mode=levels.rounding,
    )


def _one(value: np.ndarray) -> np.ndarray:
    """A single number where all are alike."""
    return value.reshape(-1)[0] if value.size and (value == value.reshape(-1)[0]).all() else value


def _tidy(graph: Graph, node: onnx.NodeProto) -> Iterator[str]:
    """Write out every attribute of a QONNX quantiser, and give it its own constants."""
    given = {attribute.name: attribute for attribute in node.attribute}
    constants = [value for name in node.input[1:] if (value := graph.constants.get(name)) is not None and value.size]
    if len(constants) not in (1, 3) or len(constants) < len(node.input) - 1:
        yield f"{label(node)}: its scale, zero point or bits are computed from activations; hardware needs constants"
        return
    scale, zero_point, bits = [*constants, np.zeros(()), np.ones(())][:3]
    mode = given["rounding_mode"].s.decode(errors="replace").upper() if "rounding_mode" in given else "ROUND"
    if not (np.isfinite(scale) & (scale > 0)).all():
        yield f"{label(node)}: a scale of {_extreme(scale):g}; it must be above 0"
    elif bits.size != 1 or not float(bits.item()).is_integer() or not 1 <= bits.item() <= _WIDEST:
        yield f"{label(node)}: {_extreme(bits):g} bits; 1 to {_WIDEST} make a quantiser"
    elif mode not in _ROUNDING:
        yield f"{label(node)}: unknown rounding mode {mode!r}; known: {', '.join(_ROUNDING)}"
    else:
        bipolar = node.op_type == "BipolarQuant"
        signed = bipolar or bool(given["signed"].i if "signed" in given else 1)
        narrow = not bipolar and bool(given["narrow"].i if "narrow" in given else 0)
        levels = _Levels(scale, zero_point, int(bits.item()), signed, narrow, mode)
        _put(graph, node.input[0], node.output[0], levels, node)
        graph.remove(node)


def _extreme(values: np.ndarray) -> float:
    return float(values.reshape(-1)[values.argmin()])


def _names(nodes: list[onnx.NodeProto]) -> str:
    return ", ".join(map(label, nodes)) or "nothing"


def _integers_to_quant(graph: Graph, node: onnx.NodeProto) -> Iterator[str]:
    """Turn DequantizeLinear and the source of its integers (a constant, or QuantizeLinear and perhaps Clip) into
    Quant."""
    source = node.input[0]
    clip = graph.maker(source)
    clip = clip if clip is not None and clip.op_type == "Clip" else None
    if clip is not None:
        source = clip.input[0]
    quantise = graph.maker(source)
    stored = graph.constants.get(source)
    if stored is None and (quantise is None or quantise.op_type != "QuantizeLinear"):
        yield f"{label(node)}: reads what {_names([quantise] if quantise else [])} gives, no QuantizeLinear or constant"
        return
    steps = _steps(graph, node, stored)
    if steps is None or (quantise is not None and _differ(steps, _steps(graph, quantise, None))):
        yield f"{label(node)}: scale or zero point is not constant, not above 0, or not that of its QuantizeLinear"
        return
    scale, zero_point, kind = steps
    if stored is not None:
        kind = str(stored.dtype)
    signed, bits, narrow = not kind.startswith("u"), _BITS.get(kind, 0), False
    if not bits:
        yield f"{label(node)}: numbers of type {kind}, which are not evenly spaced or too many for a quantiser"
        return
    if clip is not None:
        found = _width(*_bounds(graph, clip), bits, signed)
        if found is None:
            yield f"{label(clip)}: its bounds are not the range of an integer of any width"
            return
        bits, signed, narrow = found
    if quantise is not None and stored is None:
        levels = _Levels(scale, zero_point, bits, signed, narrow)
        _put(graph, quantise.input[0], node.output[0], levels, node)
    elif stored is not None:
        integers = stored.astype(np.float64)
        if clip is not None:
            low = -(2 ** (bits - 1)) + narrow if signed else 0
            integers = np.clip(integers, low, low + 2**bits - 1 - narrow)
        narrow = signed and bool(
            integers.min(initial=0) > -(2 ** (bits - 1))
        )  # the same values; hardware prefers the narrow range
        values = ((integers - zero_point) * scale).astype(np.float32)
        if (np.rint(values / scale.astype(np.float32)) != integers - zero_point).any():
            yield f"{label(node)}: integers that are too large for single precision"
            return
        numbers = graph.constant(values, f"{node.output[0]}_values")
        levels = _Levels(scale, zero_point, bits, signed, narrow)
        _put(graph, numbers, node.output[0], levels, node)
    graph.remove(node)
    graph.prune()


def _steps(graph: Graph, node: onnx.NodeProto, stored: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, str] | None:
    """Scale, zero point, both so that they broadcast to the tensor, and type; None where they make no quantiser."""
    given = {attribute.name: attribute.i for attribute in node.attribute}
    scale = graph.constants.get(node.input[1])
    zero = graph.constants.get(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    missing = len(node.input) > 2 and node.input[2] and zero is None
    if scale is None or missing or given.get("block_size") or not (np.isfinite(scale) & (scale > 0)).all():
        return None
    kind = "uint8" if zero is None else str(zero.dtype)
    zero = np.zeros_like(scale) if zero is None else zero.astype(np.float64)
    if scale.size == 1:
        return scale.astype(np.float64).reshape(()), zero.reshape(()), kind
    shape = stored.shape if stored is not None else graph.shapes().get(node.input[0], ())
    axis = given.get("axis", 1)
    if not -len(shape) <= axis < len(shape) or shape[axis] != scale.size:
        return None
    one = [1] * len(shape)
    one[axis] = scale.size
    return scale.astype(np.float64).reshape(one), np.broadcast_to(zero.reshape(-1), scale.size).reshape(one), kind


def _differ(some: tuple[np.ndarray, np.ndarray, str], others: tuple[np.ndarray, np.ndarray, str] | None) -> bool:
    return others is None or any(not np.array_equal(a, b) for a, b in zip(some[:2], others[:2], strict=True))


def _bounds(graph: Graph, clip: onnx.NodeProto) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The constant bounds of a Clip; None for one that it does not have."""
    low, high = [*(graph.constants.get(name) for name in clip.input[1:3]), None, None][:2]
    return low, high


def _width(low: np.ndarray | None, high: np.ndarray | None, bits: int, signed: bool) -> tuple[int, bool, bool] | None:
    """Bits, sign and narrow range of integers from `low` to `high`; None where this is the range of no width.

    bits, signed: of the type that the integers have.
    """
    largest = 2 ** (bits - signed) - 1
    lowest = int(low.item()) if low is not None and low.size else -largest - 1 if signed else 0
    highest = int(high.item()) if high is not None and high.size else largest
    for width in range(1, bits + 1):
        for narrow in (False, True):
            if (lowest, highest) == (-(2 ** (width - 1)) + narrow, 2 ** (width - 1) - 1):
                return width, True, narrow
            if (lowest, highest) == (0, 2**width - 1 - narrow):
                return width, False, narrow
    return None


def _thresholds_to_quant(graph: Graph, node: onnx.NodeProto) -> Iterator[str]:
    """MultiThreshold, as Brevitas exported it for FINN, with the scale and the offset behind it.

    A level is count x scale + offset; count is the number of thresholds that are not above the value. The levels are
    those of a `Quant` if each threshold lies in the middle between two levels.
    """
    thresholds = graph.constants.get(node.input[1])
    if thresholds is None or thresholds.ndim != 2:
        yield f"{label(node)}: its thresholds are not a constant table"
        return
    given = {attribute.name: attribute.f for attribute in node.attribute}
    scale, offset, last = given.get("out_scale", 1.0), given.get("out_bias", 0.0), node
    while (after := graph.read_once(last.output[0])) is not None and after.op_type in ("Mul", "Add", "Sub", "Div"):
        number = graph.constants.get(after.input[1])
        if number is None or number.size != 1 or after.input[0] != last.output[0]:
            break
        value = float(number.item())
        if after.op_type in ("Mul", "Div"):
            factor = value if after.op_type == "Mul" else 1 / value
            scale, offset = scale * factor, offset * factor
        else:
            offset += value if after.op_type == "Add" else -value
        last = after
        if after.op_type in ("Mul", "Div"):
            break
    count = thresholds.shape[1]
    lowest = round(offset / scale)
    width = _width(np.array(lowest), np.array(lowest + count), _WIDEST, lowest < 0)
    middles = (lowest + np.arange(count) + 0.5) * scale
    error = np.abs(thresholds - middles).max() / np.abs(middles).max()
    if width is None or scale <= 0 or abs(offset / scale - lowest) > _SINGLE_PRECISION or error > _SINGLE_PRECISION:
        yield (
            f"{label(node)}: its {count} thresholds are not those of a uniform quantiser with steps of {scale:g}; "
            "export the network before batch norms and scales are streamlined into thresholds"
        )
        return
    bits, signed, narrow = width
    _put(graph, node.input[0], last.output[0], _Levels(np.array(scale), np.zeros(()), bits, signed, narrow), node)
    graph.remove(last)
    graph.prune()
