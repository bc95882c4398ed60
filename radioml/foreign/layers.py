"""Layers as later stages know them: pools with windows, convolutions with their padding and bias."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from radioml.foreign.graph import Graph, by_channel

if TYPE_CHECKING:
    import onnx

_MOVES = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")
_KEEPS_LEVELS = ("MaxPool", *_MOVES)


_DEFAULTS: dict[str, dict[str, int | float]] = {
    "Conv": {"group": 1},
    "Gemm": {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0},
    "BatchNormalization": {"epsilon": 1e-5, "momentum": 0.9},
}
"""Attributes that ONNX lets a file leave out, and qonnx and FINN look for."""


def simplify_layers(graph: Graph) -> None:
    """Bring pools, padding, biases and repeated quantisers into the form that exporters of QONNX give them."""
    for node in graph.of("GlobalMaxPool", "ReduceMax"):
        _window(graph, node)
    for node in graph.of("Pad"):
        _pad(graph, node)
    for node in graph.of("Conv", "MaxPool", "AveragePool"):
        _spell_padding(graph, node)
    for node in graph.of("Conv", "MatMul", "Gemm"):
        _take_bias(graph, node)
    for node in graph.of(*_DEFAULTS):
        _spell_defaults(node)
    for node in graph.of("Quant"):
        _drop_repetition(graph, node)
    graph.prune()


def _window(graph: Graph, node: onnx.NodeProto) -> None:
    """Turn a maximum over all pixels into a max pool with a window of that size."""
    shape = graph.shapes().get(node.input[0], ())
    pixels = list(range(2, len(shape)))
    keeps = True
    if node.op_type == "ReduceMax":
        given = {attribute.name: attribute for attribute in node.attribute}
        axes: Iterable[int] = graph.constants.get(node.input[1], ()) if len(node.input) > 1 else ()
        axes = given["axes"].ints if "axes" in given else axes
        if sorted(int(axis) % len(shape) for axis in axes) != pixels:
            return
        keeps = bool(given["keepdims"].i) if "keepdims" in given else True
    if not pixels:
        return
    pooled = node.output[0] if keeps else graph.new_name(f"{node.output[0]}_pooled")
    kernel = list(shape[2:])
    graph.make("MaxPool", node.input[:1], pooled, node, kernel_shape=kernel, strides=kernel)
    if not keeps:
        graph.make("Flatten", [pooled], node.output[0], node, axis=1)
    graph.remove(node)


def _pad(graph: Graph, node: onnx.NodeProto) -> None:
    """Merge a Pad node of zeros into the padding of the convolution behind it."""
    layer = graph.read_once(node.output[0])
    pads = graph.constants.get(node.input[1])
    value = graph.constants.get(node.input[2], np.ones(1)) if len(node.input) > 2 and node.input[2] else np.zeros(1)
    given = {attribute.name: attribute for attribute in node.attribute}
    if layer is None or layer.op_type != "Conv" or pads is None or value.any() or len(node.input) > 3:
        return
    around = pads.reshape(2, -1)
    own = {attribute.name: attribute for attribute in layer.attribute}
    if (given.get("mode") is not None and given["mode"].s != b"constant") or around[:, :2].any() or (pads < 0).any():
        return
    if "auto_pad" in own and own["auto_pad"].s not in (b"NOTSET", b"VALID"):
        return
    before = list(own["pads"].ints) if "pads" in own else [0] * around[:, 2:].size
    _set(layer, "pads", [int(a + b) for a, b in zip(before, around[:, 2:].ravel(), strict=True)])
    graph.bypass(node)


def _spell_padding(graph: Graph, node: onnx.NodeProto) -> None:
    """Write out the padding that auto_pad implies, and other attributes that ONNX lets a file leave out."""
    given = {attribute.name: attribute for attribute in node.attribute}
    shapes = graph.shapes()
    shape = shapes.get(node.input[0], ())
    pixels = shape[2:]
    kernel = list(shapes[node.input[1]][2:]) if node.op_type == "Conv" else list(given["kernel_shape"].ints)
    ones = [1] * len(pixels)
    strides = list(given["strides"].ints) if "strides" in given else ones
    dilations = list(given["dilations"].ints) if "dilations" in given else ones
    mode = given["auto_pad"].s if "auto_pad" in given else b"NOTSET"
    pads = list(given["pads"].ints) if "pads" in given else [0] * 2 * len(pixels)
    if mode in (b"SAME_UPPER", b"SAME_LOWER"):
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        missing = [max((-(-p // s) - 1) * s + k - p, 0) for p, s, k in zip(pixels, strides, spans, strict=True)]
        less, more = [m // 2 for m in missing], [m - m // 2 for m in missing]
        pads = [*less, *more] if mode == b"SAME_UPPER" else [*more, *less]
    kept = [a for a in node.attribute if a.name != "auto_pad"]
    del node.attribute[:]
    node.attribute.extend(kept)
    for name, value in (("kernel_shape", kernel), ("strides", strides), ("pads", pads), ("dilations", dilations)):
        _set(node, name, value)


def _spell_defaults(node: onnx.NodeProto) -> None:
    given = {attribute.name for attribute in node.attribute}
    for name, value in _DEFAULTS[node.op_type].items():
        if name not in given:
            _set(node, name, value)


def _set(node: onnx.NodeProto, name: str, value: list[int] | int | float) -> None:
    from onnx import helper

    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def _take_bias(graph: Graph, node: onnx.NodeProto) -> None:
    """Merge a constant Add behind a layer into its bias, and remove a bias of zeros."""
    bias = graph.constants.get(node.input[2]) if len(node.input) > 2 else None
    if bias is not None and not bias.any():
        del node.input[2]
    add = graph.read_once(node.output[0])
    if add is None or add.op_type != "Add" or len(node.input) > 2:
        return
    number = next((graph.constants[name] for name in add.input if name in graph.constants), None)
    shape = graph.shapes().get(node.output[0], ())
    values = by_channel(number, shape) if number is not None and (node.op_type == "Conv" or len(shape) == 2) else None
    if values is None:
        return
    if node.op_type == "MatMul":
        node.op_type = "Gemm"
    node.input.append(graph.constant(values.astype(np.float32), f"{add.output[0]}_bias"))
    node.output[0] = add.output[0]
    graph.remove(add)


def _drop_repetition(graph: Graph, node: onnx.NodeProto) -> None:
    """Remove a quantiser that repeats an earlier one on the same numbers, and a duplicate on the same tensor."""
    for other in graph.of("Quant"):
        if other is not node and other.input[0] == node.input[0] and _same(graph, node, other):
            graph.replace(other.output[0], node.output[0])
            graph.remove(other)
    tensor = node.input[0]
    while (maker := graph.maker(tensor)) is not None and maker.op_type in _KEEPS_LEVELS:
        tensor = maker.input[0]
    if maker is not None and maker.op_type == "Quant" and _same(graph, node, maker):
        graph.bypass(node)


def _same(graph: Graph, node: onnx.NodeProto, other: onnx.NodeProto) -> bool:
    numbers = all(
        np.array_equal(graph.constants[a], graph.constants[b])
        for a, b in zip(node.input[1:], other.input[1:], strict=True)
    )
    return numbers and sorted(map(str, node.attribute)) == sorted(map(str, other.attribute))
