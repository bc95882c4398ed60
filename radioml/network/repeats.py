"""The nodes of a graph in another order, and without those that compute what another one has computed already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx


def without_repeats(
    nodes: Sequence[onnx.NodeProto], constants: Mapping[str, np.ndarray], outputs: Sequence[str]
) -> list[onnx.NodeProto]:
    """Nodes in the order of the graph without repeats; nodes that read a repeat read the first one instead.

    constants: equal ones count as one. outputs: tensors that keep their names. The nodes given are left as they are.
    """
    import onnx

    first: dict[object, Sequence[str]] = {}
    same: dict[str, str] = {}
    kept = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [same.get(name, name) for name in node.input]
        inputs = tuple(_identity(constants[name]) if name in constants else name for name in copy.input)
        options = tuple(sorted(attribute.SerializeToString() for attribute in node.attribute))
        known = first.setdefault((node.op_type, node.domain, inputs, options, len(node.output)), copy.output)
        if known is copy.output or any(name in outputs for name in node.output):
            kept.append(copy)
        else:
            same.update(zip(node.output, known, strict=True))
    return kept


def depth_first(nodes: Sequence[onnx.NodeProto], outputs: Sequence[str]) -> list[onnx.NodeProto]:
    """The nodes that outputs need, each as late as possible, so that its result is read while in the cache."""
    makers = {name: node for node in nodes for name in node.output}
    waiting, done = [makers[name] for name in reversed(outputs) if name in makers], set()
    ordered = []
    while waiting:
        node = waiting[-1]
        inputs = [makers[name] for name in node.input if name in makers and name not in done]
        if inputs:
            waiting.extend(reversed(inputs))
            continue
        waiting.pop()
        if node.output[0] not in done:
            ordered.append(node)
            done.update(node.output)
    return ordered


def _identity(constant: np.ndarray) -> tuple[object, ...]:
    return constant.dtype.str, constant.shape, constant.tobytes()
