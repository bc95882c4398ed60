"""Nodes of the build's graphs as functions on NumPy arrays: of QONNX, of ONNX, and FINN's layers in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.custom_op.base import CustomOp

Context = dict[str, np.ndarray]
FINN_DOMAIN = "finn.custom_op.fpgadataflow"
_VENDOR_CPP = f"{FINN_DOMAIN}.hls"
_MOVES = ("StreamingDataWidthConverter", "StreamingFIFO")
"""FINN's layers that pass words on unchanged; FINN executes them in single precision only."""


def node_function(model: ModelWrapper, node: NodeProto) -> Callable[[Context], None]:
    """A function that adds what a node computes to a context of tensors by name."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator
    from qonnx.custom_op.registry import getCustomOp, is_custom_op

    # FINN and qonnx would execute these kinds in single precision.
    if node_kind(node) in _MOVES:
        return lambda context: context.update({node.output[0]: context[node.input[0]]})
    if node.op_type == "MaxPoolNHWC":
        return _pool_channels_last(model, node)
    if node.op_type == "Quant":
        return _quantise(node)
    if is_custom_op(node.domain):
        operator = getCustomOp(node)
        execute = _execute_in_python(operator)
        return lambda context: execute(operator, context, model.graph)
    inputs, outputs = [name for name in node.input if name], list(node.output)
    function = helper.make_function("one", "node", inputs, outputs, [node], model.model.opset_import)
    evaluator = ReferenceEvaluator(function)

    def run(context: Context) -> None:
        results = evaluator.run(None, {name: context[name] for name in inputs}, attributes={})
        context.update(zip(outputs, map(np.asarray, results), strict=True))

    return run


def node_kind(node: NodeProto) -> str:
    """The operation of a node; for a layer of FINN without the ending for HLS or RTL."""
    return node.op_type.partition("_")[0]


def complete_dilations(model: ModelWrapper) -> None:
    """Complete the dilations of max-pools, which qonnx leaves 1-D when it raises a pool to 2-D.

    FINN does not read this attribute; every evaluator does.
    """
    from qonnx.util.basic import get_by_name

    for node in model.graph.node:
        dilations = get_by_name(node.attribute, "dilations") if node.op_type.startswith("MaxPool") else None
        if dilations is not None:
            missing = len(get_by_name(node.attribute, "kernel_shape").ints) - len(dilations.ints)
            dilations.ints.extend([1] * missing)


def _quantise(node: NodeProto) -> Callable[[Context], None]:
    from qonnx.custom_op.general.quant import quant
    from qonnx.custom_op.registry import getCustomOp

    options = [getCustomOp(node).get_nodeattr(name) for name in ("signed", "narrow", "rounding_mode")]

    def run(context: Context) -> None:
        context[node.output[0]] = quant(*(context[name] for name in node.input), *options)

    return run


def _pool_channels_last(model: ModelWrapper, node: NodeProto) -> Callable[[Context], None]:
    (source,), (target,) = node.input, node.output
    pool = type(node)()
    pool.CopyFrom(node)
    pool.op_type, pool.domain = "MaxPool", ""
    execute = node_function(model, pool)

    def run(context: Context) -> None:
        inside = {source: np.moveaxis(context[source], -1, 1)}
        execute(inside)
        context[target] = np.moveaxis(inside[target], 1, -1)

    return run


def _execute_in_python(operator: CustomOp) -> Callable[[Any, Context, Any], None]:
    """The method that computes a custom node in Python.

    An HLS layer would compile C++ with the vendor's headers, so the method is that of the generic layer.
    """
    kind: Any = next(kind for kind in type(operator).__mro__ if not kind.__module__.startswith(_VENDOR_CPP))
    if operator.onnx_node.domain.startswith(FINN_DOMAIN) and "exec_mode" in operator.get_nodeattr_types():
        operator.set_nodeattr("exec_mode", "cppsim")  # an RTL layer runs in Python then
    return kind.execute_node
