"""Average pools as sums: FINN's graph has depthwise convolutions with ones, which become layers that only add."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


def pools_as_sums(model: ModelWrapper) -> ModelWrapper:
    """Turn each AveragePool and GlobalAveragePool into a convolution with ones and a division by the window's pixels.

    FINN moves scales past convolutions, but not past pools, and knows the layout of a convolution's windows.
    """
    from onnx import helper
    from qonnx.core.datatype import DataType
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.util.basic import get_by_name

    for node in [node for node in model.graph.node if node.op_type in ("AveragePool", "GlobalAveragePool")]:
        source, target = node.input[0], node.output[0]
        channels, *pixels = model.get_tensor_shape(source)[1:]
        given = get_by_name(node.attribute, "kernel_shape")
        kernel = list(given.ints) if given is not None else pixels
        steps = get_by_name(node.attribute, "strides")
        strides = [1] * len(kernel) if steps is None else list(steps.ints)
        ones, total, count = (f"{node.name}_{part}" for part in ("ones", "sum", "pixels"))
        model.set_initializer(ones, np.ones((channels, 1, *kernel), np.float32))
        model.set_tensor_datatype(ones, DataType["INT2"])
        model.set_initializer(count, np.array(1 / prod(kernel), np.float32))
        conv = helper.make_node(
            "Conv", [source, ones], [total], name=f"{node.name}_conv", group=channels, kernel_shape=kernel,
            strides=strides, pads=[0] * 2 * len(kernel), dilations=[1] * len(kernel),
        )  # fmt: skip
        place = list(model.graph.node).index(node)
        model.graph.node.remove(node)
        model.graph.node.insert(place, helper.make_node("Mul", [total, count], [target], name=f"{node.name}_mean"))
        model.graph.node.insert(place, conv)
    return model.transform(InferShapes())


def adds_pixels(model: ModelWrapper, node: NodeProto) -> bool:
    """Whether a layer with weights is a sum of `pools_as_sums`: all its weights are 0 or 1."""
    weights = model.get_initializer(node.input[1]) if len(node.input) > 1 else None
    return weights is not None and bool(np.isin(weights, (0, 1)).all())


def sums_of_pixels(model: ModelWrapper) -> ModelWrapper:
    """Replace depthwise layers whose weights are ones by layers that add: over a window, or over a whole frame."""
    from finn.util.basic import getHWCustomOp
    from onnx import helper
    from qonnx.transformation.infer_datatypes import InferDataTypes
    from qonnx.transformation.infer_shapes import InferShapes

    for node in model.get_nodes_by_op_type("VVAU"):
        layer, windows = getHWCustomOp(node), model.find_producer(node.input[0])
        if not adds_pixels(model, node) or not layer.get_nodeattr("noActivation"):
            continue
        kernel, channels = list(layer.get_nodeattr("Kernel")), layer.get_nodeattr("Channels")
        kind = model.get_tensor_datatype(node.input[0]).name
        common = {"domain": node.domain, "backend": "fpgadataflow", "name": node.name, "PE": channels}
        place = list(model.graph.node).index(node)
        model.graph.node.remove(node)
        frame = model.get_tensor_shape(windows.input[0])
        if prod(kernel) == prod(frame[1:3]):
            added = helper.make_node(
                "GlobalAccPool", windows.input, node.output, NumChannels=channels, inputDataType=kind,
                numInputVectors=frame[:3], **common,
            )  # fmt: skip
            model.graph.node.remove(windows)
            place -= 1
        else:
            added = helper.make_node(
                "WindowSum", node.input[:1], node.output, Channels=channels, KernelSize=kernel, Function="AccPool",
                OutImgDims=model.get_tensor_shape(node.output[0])[1:3], InputDataType=kind, OutputDataType=kind,
                **common,
            )  # fmt: skip
        model.graph.node.insert(place, added)
    model = model.transform(InferShapes()).transform(InferDataTypes())
    for node in model.get_nodes_by_op_type("Thresholding"):
        if model.get_tensor_datatype(node.input[0]).min() >= 0:  # FINN takes no negative thresholds there
            model.set_initializer(node.input[1], np.maximum(model.get_initializer(node.input[1]), 0))
    return model
