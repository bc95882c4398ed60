"""Checks that an ONNX graph can be computed, so that problems are found when the file is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from radioml.errors import RadioMLError

if TYPE_CHECKING:
    import onnx

_QONNX = ("qonnx.custom_op.", "finn.custom_op.", "onnx.brevitas")
"""Prefixes of the domains that qonnx computes; the older two are in the files of the challenge."""
_GENERAL = "qonnx.custom_op.general"
_ELEMENTWISE = {"Quant", "IntQuant", "BipolarQuant", "FloatQuant", "Trunc", "MultiThreshold"}
"""Operations of these domains that leave the shape of their first input as it is."""
_MOST_ELEMENTS = 1 << 28
"""Most elements of one tensor, 1 GiB in single precision; one of VGG10's has 65,536."""


def check_graph(model: onnx.ModelProto) -> None:
    """Check a model by the ONNX standard, and its shapes, also behind the operations of QONNX.

    Raises RadioMLError for nodes that form a cycle or read a tensor that no node gives, for unknown attributes and
    opsets, shapes that do not fit, operations of unknown domains, and tensors too large for any network on IQ frames.
    """
    import onnx
    from onnx import checker, helper, shape_inference

    unknown = Counter(
        f"{node.op_type} ({node.domain})"
        for node in model.graph.node
        if node.domain not in ("", "ai.onnx") and not node.domain.startswith(_QONNX)
    )
    if unknown:
        names = ", ".join(f"{count} {name}" for name, count in sorted(unknown.items()))
        raise RadioMLError(f"operations of unknown domains: {names}")
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    elementwise = [node for node in copy.graph.node if node.op_type in _ELEMENTWISE]
    for node in elementwise:
        node.domain = node.domain or _GENERAL  # the challenge's files leave it out
    declared = {opset.domain for opset in copy.opset_import}
    for domain in sorted({node.domain for node in copy.graph.node if node.domain.startswith(_QONNX)} - declared):
        copy.opset_import.append(helper.make_opsetid(domain, 1))
    try:
        checker.check_model(copy)
        for node in elementwise:  # ONNX does not check the shapes behind an operation that it does not know
            node.CopyFrom(helper.make_node("Identity", node.input[:1], node.output[:1], name=node.name))
        inferred = shape_inference.infer_shapes(copy, check_type=True, strict_mode=True, data_prop=True)
    except (checker.ValidationError, shape_inference.InferenceError) as error:
        raise RadioMLError(f"not a valid ONNX graph: {' '.join(str(error).split())}") from error
    _check_sizes(inferred.graph)


def _check_sizes(graph: onnx.GraphProto) -> None:
    for value in (*graph.input, *graph.value_info, *graph.output):
        elements = 1
        for dimension in value.type.tensor_type.shape.dim:
            elements *= max(dimension.dim_value, 1)  # 0 where it is not known
        if elements > _MOST_ELEMENTS:
            raise RadioMLError(f"tensor {value.name!r} has {elements:,} elements, too many to compute")


def tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All constants of a model, those in attributes too."""
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            yield from (*attribute.tensors, *([attribute.t] if attribute.HasField("t") else []))


def number_problems(model: onnx.ModelProto) -> Iterator[str]:
    """A line for each constant with NaN, or with infinities unless it is a bound."""
    from onnx import numpy_helper

    bounds = {name for node in model.graph.node if node.op_type in ("Clip", "Pad") for name in node.input[1:]}
    for tensor in tensors(model):
        value = numpy_helper.to_array(tensor)
        if value.dtype.kind not in "fV":
            continue
        value = value.astype(np.float64)
        bad = np.isnan(value) if tensor.name in bounds else ~np.isfinite(value)
        if bad.any():
            nodes = [node for node in model.graph.node if tensor.name in node.input]
            readers = [f"{node.op_type} {node.name or node.output[0]!r}" for node in nodes]
            what = "NaN" if np.isnan(value).any() else "infinite"
            count = f"{bad.sum():,} of {bad.size:,} numbers are {what}"
            yield f"constant {tensor.name!r}, which {' and '.join(readers) or 'no layer'} reads: {count}"
